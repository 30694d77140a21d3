"""Does AGMENet's enhancement help, of which kind, and trained how? Recognition and the motion that it keeps, side by side.

Command:  python experiments/studies/enhancement.py --out=DIR [--only=curve,joint] [--clips=20] [--json]
Rows:     off        no enhancement: the middle frame of each window
          curve      the main job: two epochs alone, then with the classifier at a tenth of its rate
          alone      ten epochs alone, then fixed while the classifier trains
          joint      no epoch alone: from the start with the classifier, at its rate, under all losses
          retinex    divided by an illumination in place of the curve
          compensate the curve, after means along the motion in each window
          per_frame  a curve for each moment by itself: the warning
Measure:  UF1 of the main job at L0 and L2 [95 % over people] and less that of `curve` on the same people; then the error of
          TV-L1 on what each enhancement gives of `synthme/full_size`, whose faces no row was trained on, less that of t5.
Stopped, the same command goes on: each row is a run (DIR/runs/NAME) and a kept network (DIR/networks/NAME).
"""

import argparse
import json
from pathlib import Path

from called import called

import mer_jax
from mer_jax.backend import start_jax
from mer_jax.config_reading import read_config
from mer_jax.evaluation.enhancers_compared import compare_enhancers
from mer_jax.evaluation.finished_run import read_run
from mer_jax.evaluation.kept_enhancement import kept_enhancers
from mer_jax.evaluation.network_training import train_network
from mer_jax.evaluation.run_folder import run_benchmark
from mer_jax.evaluation.uncertainty import paired_difference
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.settings import settings_of

MAIN_JOB = Path(__file__).parents[1] / "agmenet_synthme.py"
ALONE = {"spatial": 1.0, "exposure": 10.0, "colour": 5.0, "curve_smoothness": 200.0, "motion": 1.0}
LEVELS = ("L1", "L2", "L3", "L4")


def before(epochs: int, losses: dict) -> dict:
    """A stage in which the enhancement alone is trained."""
    return {"enhancement": {"epochs": epochs, "learning_rate": 1e-3, "trainable": {"llem": 1.0, "*": 0.0}, "losses": losses}}


def settings_for(name: str):
    """The main job's settings, changed as a row says."""
    _, config = read_config([f"--config={MAIN_JOB}"])
    if name == "off":
        config.network.off, config.stages_before, config.trainable = ("llem",), {}, {}
    elif name == "alone":
        config.stages_before, config.trainable = before(10, ALONE), {"llem": 0.0}
    elif name == "joint":
        config.stages_before, config.trainable = {}, {}
        config.losses = {**config.losses, **{loss: 0.1 * factor for loss, factor in ALONE.items()}}
    elif name == "retinex":
        config.network_options = {"enhancement": "retinex"}
        config.stages_before = before(2, {"illumination": 1.0, "exposure": 1.0, "colour": 5.0, "motion": 1.0})
    elif name == "compensate":
        config.network_options = {"compensate": True}
    elif name == "per_frame":
        config.network_options = {"enhancement": "per_frame"}
    return settings_of(name, config)


ROWS = ("off", "curve", "alone", "joint", "retinex", "compensate", "per_frame")


def trained(name: str, folder: Path) -> None:
    """The run of a row and its network, where they are not there yet."""
    settings = settings_for(name)
    clips = mer_jax.load(settings.source, settings.classes, **dict(settings.data_options))
    run_benchmark(settings, clips, folder / "runs" / name, False)
    if name != "off" and not (folder / "networks" / name / "network.json").is_file():
        train_network(settings, clips, folder / "networks" / name, folder / "runs" / name)


def recognition(names: tuple[str, ...], folder: Path) -> dict:
    """name -> level -> UF1, its interval over people, and how much it is above `curve` on them."""
    tables = {name: read_run(folder / "runs" / name).table for name in names}
    found = {}
    for name, table in tables.items():
        levels = mer_jax.score(table)["by_light"]
        found[name] = {level: {"uf1": part["uf1"], "interval": part["interval_subjects"]["uf1"]}
                       for level, part in levels.items()}
        for level in levels if name != "curve" and "curve" in tables else ():
            found[name][level]["above_curve"] = paired_difference(tables["curve"].where(light=level),
                                                                  table.where(light=level))["uf1"]
    return found


def text_of(found: dict) -> str:
    """Two tables: recognition, and motion kept."""
    lines = ["", "recognition (synthme/easy), UF1 [95 % over people]; above `curve` on the same people"]
    for name, levels in found["recognition"].items():
        cells = [f"{level} {part['uf1']:.3f} [{part['interval'][0]:.2f}, {part['interval'][1]:.2f}]"
                 + (" {0[difference]:+.3f} [{0[interval][0]:+.2f}, {0[interval][1]:+.2f}]".format(part["above_curve"])
                    if "above_curve" in part else " " * 24) for level, part in levels.items()]
        lines.append(f"{name:10} {'   '.join(cells)}")
    lines += ["", "motion (synthme/full_size): error of TV-L1 in pixels, less that of t5, and the share of the motion shown"]
    for row in found["motion"]["rows"]:
        part = row["TV-L1"]
        if "over_baseline" in part:
            mean, ends = part["over_baseline"]
            lines.append(f"{row['level']} {row['enhancer']:11} {part['error'][0]:.3f}  {mean:+.3f} "
                         f"[{ends[0]:+.3f}, {ends[1]:+.3f}]  gain {part['gain'][0]:.2f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", default=",".join(ROWS))
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    names = tuple(arguments.only.split(","))
    for name in names:
        if name not in ROWS:
            raise UserMistake(f"row {name!r} is not known{nearest(name, ROWS)}; there are: {', '.join(ROWS)}")
    start_jax("")                                          # every core a device, as the command has it
    for name in names:
        trained(name, arguments.out)
    networks = kept_enhancers(tuple(str(arguments.out / "networks" / name) for name in names if name != "off"))
    faces = mer_jax.load("synthme/full_size", label="label5")
    faces = faces.take([number * len(faces) // arguments.clips for number in range(min(arguments.clips, len(faces)))])
    found = {"recognition": recognition(names, arguments.out),
             "motion": compare_enhancers(faces, LEVELS, ("t5",), networks)}
    print(json.dumps(found) if arguments.json else text_of(found))


if __name__ == "__main__":
    called("enhancement", main)
