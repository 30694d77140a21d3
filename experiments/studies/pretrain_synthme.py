"""Does training on rendered faces help on real clips? STSTNet trained on flow of made-up people, then under LOSO on others.

Command:  python experiments/studies/pretrain_synthme.py --table=CLIPS.csv --out=DIR [--flow=true|tvl1] [--people=N]
          [--clips=6] [--crop=eyes|fitted|whole] [--units=rules|casme2] [--seeds=5] [--epochs=100] [--json]
Rows:     scratch     experiments/ststnet.py on the clips of the table, its epochs as --epochs, selection=last
          faster      the same at the rate and schedule of the pretraining: Adam 1e-3, cosine
          shuffled    as scratch, every run begun with a network that was trained on the rendered flow with its labels permuted
          pretrained  as scratch, every run begun with a network that was trained on the rendered flow
          pretrained_faster  as faster, every run begun with that network
          rendered    that network as it is, which has seen no clip of the table
Flow:     true: where the renderer moved the skin, without the head's motion; tvl1: TV-L1 (fast) between the rendered onset
          and apex frames, noise and head motion in it. Both as the table's are stored: u, v, strain, each stretched to 0..255.
Crop:     of the rendered flow. eyes: by eyes and mouth corners alone, see `pretrain_faces.box_of`; fitted: chosen with all
          labels of CASME II and SMIC, those of the tested too; whole: the whole picture.
Units:    which action units a class has. rules: by one simple rule a class, which were made without counting anybody; casme2:
          as often as in CASME II's coding file, in which the tested are counted too.
Measure:  UF1, UAR, accuracy [95 % over people], and on the same people pretrained less each of scratch, faster and shuffled
          (less scratch alone it would count as well that it was trained longer and faster), and pretrained_faster less faster,
          which counts as well that it was trained longer.
          The leak audit of the pretrained rows proves that no weight was fitted on the tested; of choices like --units=casme2
          it knows nothing. The rendered people are in DIR/network/network.json.
Expected: UF1 on the 309 clips of CASME II and SMIC, 5 seeds: scratch .568, pretrained .668; faster .743, pretrained_faster
          .735; shuffled .538; rendered .632. With --units=casme2 pretrained .707, pretrained_faster .735, shuffled .521,
          rendered .667. An hour and a half on two busy CPU cores.
Stopped, the same command goes on. Frames are not kept: DIR/faces has the small pictures alone.
"""

import argparse
import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
from called import called
from pretrain_faces import CROPS, UNITS, render_missing, rendered_clips

import mer_jax
from mer_jax.backend import start_jax
from mer_jax.config_reading import read_config
from mer_jax.data.clips import Clips
from mer_jax.evaluation.finished_run import read_run
from mer_jax.evaluation.kept_network import read_network
from mer_jax.evaluation.network_training import train_network
from mer_jax.evaluation.predictions import Predictions
from mer_jax.evaluation.run_folder import run_benchmark
from mer_jax.evaluation.score import HEADLINES
from mer_jax.evaluation.uncertainty import paired_difference
from mer_jax.mistakes import UserMistake
from mer_jax.settings import Settings, settings_of
from mer_jax.whole_files import write_json

FROM_SCRATCH = Path(__file__).parents[1] / "ststnet.py"
PEOPLE = {"true": 3000, "tvl1": 1500}                         # of six clips each
PRETRAINING = {"learning_rate": 1e-3, "schedule": "cosine"}   # of 100 epochs
COMPARED = {"pretrained": ("scratch", "faster", "shuffled"), "pretrained_faster": ("faster",)}
CHOICES = {"fitted": "the crop of the rendered flow, at which (of an earlier renderer) its mean pictures of each class were "
                     "most like those of all clips of CASME II and SMIC: correlation .57, of the whole picture .37",
           "casme2": "how often each class has which action units: counted in CASME II's coding file, in the clips of the "
                     "tested too"}
BUDGET = "100 epochs, a budget of time; experiments/ststnet.py is quoted at it, with its score"


def settings_for(name: str, table: Path, **changes) -> Settings:
    """Those of experiments/ststnet.py, changed."""
    _, config = read_config([f"--config={FROM_SCRATCH}", f"--config.data.table={table}"])
    config.update(changes)
    return settings_of(name, config)


def row_settings(table: Path, out: Path, **budget: int) -> dict[str, Settings]:
    """Of the rows that are trained on the clips of the table; budget: epochs and seeds, the same for all."""
    rendered, faster = {"weights": str(out / "network")}, {"optimizer": PRETRAINING}
    changes = {"scratch": {}, "faster": faster, "shuffled": {"weights": str(out / "network_shuffled")}, "pretrained": rendered,
               "pretrained_faster": {**rendered, **faster}}
    return {name: settings_for(name, table, **budget, **change) for name, change in changes.items()}


def label_permuted(clips: Clips) -> Clips:
    """The same clips, their labels dealt out anew: as many of each class, but no picture tells its own."""
    return clips.replace(label=np.random.default_rng(0).permutation(np.asarray(clips.label)))


def choices_of(arguments: argparse.Namespace) -> list[str]:
    """What of the rendered pictures was chosen on real clips."""
    return [CHOICES[word] for word in (arguments.crop, arguments.units) if word in CHOICES]


def pretrain(rendered: Clips, out: Path, made: dict) -> None:
    """Leaves DIR/network and DIR/network_shuffled: the same number of steps on the same pictures, for the second with
    their labels permuted; one that is there is not trained again. In each choices.json is what is `made` of it: how it is
    rendered, and what of that was chosen on real clips."""
    for name, clips in (("network", rendered), ("network_shuffled", label_permuted(rendered))):
        if not (out / name / "choices.json").is_file():       # which is written last
            settings = settings_for(name, Path("rendered.csv"), epochs=100, optimizer=PRETRAINING)
            train_network(settings, clips, out / name, out / "runs" / "rendered")
            write_json(out / name / "choices.json", made)


def as_it_is(network: Path, clips: Clips, table: Predictions) -> Predictions:
    """What the kept network answers to the clips of a table, once, without having trained on any."""
    kept, once = read_network(network), table.where(run=table.unique("run")[0])
    logits = kept.network.apply(kept.variables, clips.inputs(), train=False).logits
    probabilities = np.asarray(jax.nn.softmax(logits), np.float64)
    row = {key: number for number, key in enumerate(clips.ids)}
    rows = [row[f"{person}/{clip}"] for person, clip in zip(once.subject_keys(), once.columns["clip"], strict=True)]
    guess = np.array(once.classes)[probabilities[rows].argmax(1)]
    return dataclasses.replace(once, columns={**once.columns, "prediction": guess}, probabilities=probabilities[rows])


def study(arguments: argparse.Namespace) -> dict:
    """Everything that is not done yet, and what came of it."""
    out, people = arguments.out, arguments.people or PEOPLE[arguments.flow]
    rows = row_settings(arguments.table, out, epochs=arguments.epochs, seeds=arguments.seeds)
    clips = mer_jax.load(rows["scratch"].source, rows["scratch"].classes)
    how, choices = {name: getattr(arguments, name) for name in ("flow", "crop", "units")}, choices_of(arguments)
    rendered = rendered_clips(render_missing(out / "faces", people, arguments.clips, **how))
    pretrain(rendered, out, {**how, "made_on_real_clips": choices})
    for name, settings in rows.items():
        run_benchmark(settings, clips, out / "runs" / name)
    tables = {name: read_run(out / "runs" / name).table for name in rows}
    scores = {name: mer_jax.score(table) for name, table in
              {**tables, "rendered": as_it_is(out / "network", clips, tables["scratch"])}.items()}
    return {"rendered_people": people, "rendered_clips": len(rendered), **how,
            "seeds": arguments.seeds, "epochs": arguments.epochs,
            "rows": {name: row_of(entries) for name, entries in scores.items()},
            "less": {first: {other: paired_difference(tables[other], tables[first]) for other in others}
                     for first, others in COMPARED.items()},
            "choices_made_on_these_clips": [*choices, BUDGET]}


def row_of(entries: dict) -> dict:
    """Each headline with its interval over people, of all clips and by database."""
    parts = {"overall": entries["overall"], **entries["by_dataset"]}
    return {name: {metric: [part[metric], part["interval_subjects"][metric]] for metric in HEADLINES}
            for name, part in parts.items()}


def text_of(found: dict) -> str:
    """A table of the rows, the differences, and what was chosen on these clips."""
    def cell(value: float, ends: list[float], sign: str = "") -> str:
        return f"{value:{sign}.3f} [{ends[0]:{sign}.3f}, {ends[1]:{sign}.3f}]"

    lines = [f"{found['rendered_clips']} rendered clips of {found['rendered_people']} people ({found['flow']} flow, crop "
             f"{found['crop']}, units {found['units']}); {found['seeds']} seeds, {found['epochs']} epochs"]
    lines.append("  ".join([f"{'row':30}", *(f"{name:23}" for name in HEADLINES.values())]).rstrip())
    for row, parts in found["rows"].items():
        lines += [f"{row:20}{part:10}  " + "    ".join(cell(*values[metric]) for metric in HEADLINES)
                  for part, values in parts.items()]
    lines += [f"{f'{first} - {other}':31}" + "  ".join(cell(*less[metric].values(), "+") for metric in HEADLINES)
              for first, others in found["less"].items() for other, less in others.items()]
    return "\n".join([*lines, "choices made on these clips:", *map("- {}".format, found["choices_made_on_these_clips"])])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    for name, known, usual in (("flow", PEOPLE, "true"), ("crop", CROPS, "eyes"), ("units", UNITS, "rules")):
        parser.add_argument(f"--{name}", choices=tuple(known), default=usual, help=f"usually {usual}")
    for name, usual in (("people", None), ("clips", 6), ("seeds", 5), ("epochs", 100)):
        said = usual or " or ".join(f"{number} of {flow} flow" for flow, number in PEOPLE.items())
        parser.add_argument(f"--{name}", type=int, default=usual, help=f"usually {said}")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for name in ("people", "clips", "seeds", "epochs"):
        if (value := getattr(arguments, name)) is not None and value < 1:
            raise UserMistake(f"option --{name}={value}: wanted at least 1")
    start_jax("")                                             # every core a device, as the command has it
    found = study(arguments)
    print(json.dumps(found) if arguments.json else text_of(found))


if __name__ == "__main__":
    called("pretrain_synthme", main)
