"""The frozen plans of lowlight.md and lowlight_again.md as settings: the networks that are compared, the parts of AGMENet, the
trials; and rows that the first plan lacked."""

import dataclasses
from pathlib import Path

import numpy as np

from mer_jax.config_reading import read_config
from mer_jax.evaluation.run_config import differences
from mer_jax.mistakes import UserMistake
from mer_jax.settings import Settings, settings_of
from mer_jax.training.hyper import Hyper
from mer_jax.whole_files import read_json

MAIN_JOB = Path(__file__).parents[1] / "agmenet_synthme.py"
DARK, ALL = ("L1", "L2", "L3", "L4"), ("L0", "L1", "L2", "L3", "L4")
TRIALS, DRAWN_FROM = 12, 20241                                 # how many settings each network may try, and their seed


@dataclasses.dataclass(frozen=True)
class Form:
    """What the experiment is run on: search and final people, the label, the variant of the networks that have it, the
    folds of the search (subject_kfold), those of the end (0: one subject out), and its seeds."""

    search: str
    people: str
    label: str
    variant: str
    search_folds: int
    folds: int
    seeds: int


TINY = Form("synthme/easy", "synthme/easy_fresh", "label3", "tiny", 2, 5, 3)
FULL = Form("synthme/casme2_like", "synthme/casme2_like_fresh", "label5", "small", 3, 0, 5)
CROWD = dataclasses.replace(TINY, people="synthme/easy_crowd", folds=2)              # of the second plan


@dataclasses.dataclass(frozen=True)
class Row:
    """A network, the parts that are left out of it, `front.enhancer`, its options, and whose search it has its numbers of ("":
    its own). What reads flow has it found on the frames."""

    network: str
    off: tuple[str, ...] = ()
    enhancer: str = ""
    options: dict = dataclasses.field(default_factory=dict)
    numbers: str = ""


NETWORKS = {
    "agmenet": Row("agmenet"),
    "agmenet_plain": Row("agmenet", ("llem",)), "agmenet_plain_t5": Row("agmenet", ("llem",), "t5"),
    "ststnet": Row("ststnet"), "ststnet_t5": Row("ststnet", (), "t5"),
    "densenet": Row("densenet"), "densenet_t5": Row("densenet", (), "t5"),
    "cnn_gru": Row("cnn_gru"), "cnn_gru_t5": Row("cnn_gru", (), "t5"),
}
# AGMENet with its own numbers, but for one thing: a part left out, or an option.
PARTS = {name: Row("agmenet", off, options=options, numbers="agmenet") for name, off, options in (
    ("no_enhancement", ("llem",), {}), ("retinex", (), {"enhancement": "retinex"}),
    ("per_frame", (), {"enhancement": "per_frame"}), ("compensate", (), {"compensate": True}),
    ("motion_none", (), {"motion": "none"}), ("motion_difference", (), {"motion": "difference"}),
    ("motion_flow", (), {"motion": "flow"}),
    *((f"no_{part}", (part,), {})
      for part in ("block_attention", "region_attention", "temporal_attention", "ensemble", "place_gain")))}
# What the plan lacks, asked after its verdict.
SUPPLEMENT = {
    "once_more": Row("agmenet", numbers="agmenet"),            # itself, by the version that trained the other rows here
    **{f"no_{part}": Row("agmenet", (part,), numbers="agmenet")
       for part in ("deflicker", "window_mean", "brightening", "light_gate")},
    **{f"{name}_{enhancer}": dataclasses.replace(NETWORKS[f"{name}_t5"], enhancer=enhancer, numbers=f"{name}_t5")
       for name in ("agmenet_plain", "ststnet", "cnn_gru") for enhancer in ("gain", "stabilised")},
}
# The rows of the second plan, lowlight_again.md.
ATTENTION = ("block_attention", "region_attention", "temporal_attention")
AGAIN = {
    "agmenet_open": Row("agmenet", ATTENTION, options={"readout": "places"}),
    "agmenet_open_t5": Row("agmenet", ("llem", *ATTENTION), "t5", {"readout": "places"}),
    **{name: NETWORKS[name] for name in ("agmenet", "ststnet_t5", "cnn_gru_t5")},
}
ROWS = {**NETWORKS, **PARTS, **SUPPLEMENT, **AGAIN}
OWN_MOTION = {"tiny": "motion_flow", "small": "motion_difference"}              # which is AGMENet itself, and so no row


def parts_of(form: Form) -> tuple[str, ...]:
    return tuple(name for name in PARTS if name != OWN_MOTION[form.variant])


def trials() -> tuple[Hyper, ...]:
    """The same for every network: learning rate log-uniform in [1e-4, 1e-2], weight decay in [1e-5, 1e-2], smoothing uniform
    in [0, .2]; three digits each."""
    rng = np.random.default_rng(DRAWN_FROM)
    rate, decay, smoothing = rng.uniform((-4, -5, 0), (-2, -2, 0.2), (TRIALS, 3)).T
    return tuple(Hyper(*(float(f"{number:.3g}") for number in numbers))
                 for numbers in zip(10**rate, 10**decay, smoothing, strict=True))


def searched(name: str) -> str:
    """The row that was searched for, whose numbers the row has."""
    return ROWS[name].numbers or name


def row_settings(name: str, form: Form) -> Settings:
    """Of a network's search, or of a row with the numbers of one: the main job's, but for what the plan says."""
    _, config = read_config([f"--config={MAIN_JOB}"])
    row = ROWS[name]
    config.data.name, config.data.label, config.light = form.search, form.label, DARK
    config.protocol, config.protocol_options.folds = "subject_kfold", form.search_folds
    config.network.name, config.network.variant = row.network, "paper" if row.network == "ststnet" else form.variant
    config.network.off, config.network_options = row.off, dict(row.options)
    config.front = {"enhancer": row.enhancer, "flow": "tvl1" if row.network == "ststnet" else "stored"}
    if row.network != "agmenet":
        config.losses = {"cross_entropy": 1.0}
    if row.network != "agmenet" or "llem" in row.off:
        config.stages_before, config.trainable = {}, {}
    elif name == "retinex":
        config.stages_before.enhancement.losses = {"illumination": 1.0, "exposure": 1.0, "colour": 5.0, "motion": 1.0}
    return settings_of(name, config)


def final_settings(name: str, form: Form, people: str, winner: dict) -> Settings:
    """Of a row at the end: other people, more folds and seeds, all light levels, the numbers that the search chose."""
    settings = row_settings(name, form)
    protocol = ("subject_kfold", (("folds", form.folds),)) if form.folds else ("leave_one_subject_out", ())
    return dataclasses.replace(settings, source=people, light=ALL, seeds=form.seeds, protocol=protocol[0],
                               protocol_options=protocol[1], recipe=Hyper(**winner["setting"]).applied_to(settings.recipe))


def chosen(accuracies: list[float]) -> int:
    """The trial that wins: the best, of equals the first."""
    return int(np.argmax(accuracies))


def winner_file(folder: Path, name: str) -> Path:
    return folder / "search" / searched(name) / "winner.json"


def read_winner(folder: Path, name: str, form: Form) -> dict:
    """What the search of a row's network chose. Raises UserMistake where there was none, or one of other settings."""
    path, network = winner_file(folder, name), searched(name)
    if not path.is_file():
        raise UserMistake(f"{path}: not there; {network} has not been searched for yet: "
                          f"--out={folder} --search --only={network}")
    found = read_json(path)
    if changed := differences(found.get("settings"), row_settings(network, form).to_json()):
        raise UserMistake(f"{path}: of a search with other settings: {'; '.join(changed)}; name another --out")
    return found
