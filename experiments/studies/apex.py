"""How far estimated apexes lie from the true ones, on SynthME, of which they are known.

Command:  python experiments/studies/apex.py [--tier=easy] [--json]
Measure:  mean absolute error in frames (200 a second), looked for between onset and offset, and less that of the middle frame
          on the same clips; 95 % intervals over people. random: the mean over all frames between. The estimates were built
          while looking at clips of SynthME 0.3.1.
"""

import argparse
import json

import numpy as np
from called import called

import mer_jax
from mer_jax.evaluation.motion_summary import People, over_people
from mer_jax.stored_flow import ESTIMATES, apex_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tier", default="easy", choices=("easy", "casme2_like"))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    clips = mer_jax.load(f"synthme/{arguments.tier}")
    people = People.of(clips, np.ones(len(clips), bool))
    hidden = clips.replace(apex=np.full(len(clips), -1, np.int32), landmarks=None)
    between = [np.arange(onset + 1, offset) for onset, offset in zip(clips.onset, clips.offset, strict=True)]
    errors = {"random": np.array([np.abs(frames - apex).mean() for frames, apex in zip(between, clips.apex, strict=True)])}
    for name in ESTIMATES:
        errors[name] = np.abs(np.array([apex_of(hidden, row, name) for row in range(len(clips))]) - clips.apex).astype(float)
    found = {name: {"error": over_people(error, people), "less_middle": over_people(error - errors["middle"], people)}
             for name, error in errors.items()}
    if arguments.json:
        print(json.dumps(found))
        return
    for name, row in found.items():
        (mean, (low, high)), (less, (least, most)) = row["error"], row["less_middle"]
        print(f"{name:20} {mean:5.2f} [{low:5.2f}, {high:5.2f}]   less the middle {less:+5.2f} [{least:+.2f}, {most:+.2f}]")


if __name__ == "__main__":
    called("apex", main, goes_on=False)
