"""Where the networks with attention look, against where the face moves, which the renderer knows: the pointing game.

Command:  python experiments/studies/pointing.py --out=DIR [--only=mfe_net,rcn] [--people=synthme/easy] [--flow=stored|tvl1]
          [--epochs=30] [--seeds=3] [--json]
Rows:     each kind of map of each network, and beside it `input gradient`, how much the answer hangs on each place: how much of
          the map lies on the moving part of the face, over that part's share of the picture [95 % over people]; 1: as if it
          looked everywhere alike. "yes" where that is 2 or more, as is asked of networks that claim to find where it moves;
          the same of the mean of all clips' maps: what is not above that finds where faces move, not where this one does;
          and UF1, since where a network that has learnt nothing looks says nothing
Recipe:   that of zoo.py, five folds with the people apart, the last epoch's networks, each on the clips that it held out
Flow:     stored: the true flow as the 28x28 picture; tvl1: found on the frames
Stopped, the same command goes on. CapsuleNet and HTNet's form as published, whose attention is over one place, take --only.
"""

import argparse
import json
from pathlib import Path

from called import called
from zoo_rows import FORMS, PLAIN, SAME, config_of

import mer_jax
from mer_jax.backend import start_jax
from mer_jax.evaluation.pointing import IN_ITS_PLACE
from mer_jax.evaluation.run_folder import run_benchmark
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.models import MODELS
from mer_jax.settings import Settings, settings_of

ATTENDING = ("mfe_net", "dual_atme", "off_tanet", "rcn", "cabm_fmer", "htnet_attending")
WANTED, FOLDS, BATCH = 2.0, 5, 16


def settings_for(name: str, arguments: argparse.Namespace) -> Settings:
    """Of a network's run: its own losses, the zoo's recipe."""
    config = config_of(name)
    config.data.name, config.data.label = arguments.people, "label3"
    config.update({"protocol": "subject_kfold", "protocol_options": {"folds": FOLDS}, "seeds": arguments.seeds,
                   "optimizer": SAME, "epochs": arguments.epochs, "batch_size": BATCH, **PLAIN})
    config.front.flow = arguments.flow
    return settings_of(name, config)


def study(arguments: argparse.Namespace) -> dict:
    """{"rows": network -> {"uf1", "looks": kind -> [times as much as alike everywhere, interval]}}, trained where not there."""
    known = (*(name for name, entry in MODELS.items() if entry.network.inputs == ("flow",)), *FORMS)
    rows = {}
    for name in (names := tuple(arguments.only.split(",")) if arguments.only else ATTENDING):
        if name not in known:
            raise UserMistake(f"network {name!r} is none that reads flow{nearest(name, known)}; there are: {', '.join(known)}")
    clips = mer_jax.load(arguments.people, label="label3")
    if clips.true_flow is None:
        raise UserMistake(f"--people={arguments.people}: has no true flow; wanted clips of SynthME")
    for name in names:
        found = run_benchmark(settings_for(name, arguments), clips, arguments.out / name)
        rows[name] = {"uf1": found["overall"]["uf1"], "looks": found["pointing"]}
    return {**{name: getattr(arguments, name) for name in ("people", "flow", "epochs", "seeds")}, "rows": rows}


def text_of(found: dict) -> str:
    """A line for each kind of each network."""
    lines = [f"{found['people']}, flow {found['flow']}, {found['epochs']} epochs, {found['seeds']} seeds",
             f"{'':22}UF1    {'map':30}times as much as alike everywhere; the mean of all clips' maps"]
    for name, row in found["rows"].items():
        for kind in (kind for kind in row["looks"] if not kind.endswith(IN_ITS_PLACE)):
            (times, (low, high)), (mean, _) = row["looks"][kind], row["looks"][kind + IN_ITS_PLACE]
            lines.append(f"{name:20}  {row['uf1']:.3f}  {kind:30}{times:.2f} [{low:.2f}, {high:.2f}]  "
                         f"{'yes' if times >= WANTED else 'no':4}{mean:.2f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", help="networks by their names")
    parser.add_argument("--people", default="synthme/easy")
    parser.add_argument("--flow", choices=("stored", "tvl1"), default="stored")
    for name, usual in (("epochs", 30), ("seeds", 3)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    start_jax("")                                             # every core a device, as the command has it
    found = study(arguments)
    print(json.dumps(found) if arguments.json else text_of(found))


if __name__ == "__main__":
    called("pointing", main)
