"""SynthME to look at: one row a person: at rest, and in a clip of each class with the motion magnified ten times.

Command:  python experiments/studies/synthme_pictures.py --out=docs/synthme.png [--tier=easy] [--people=6]
"""

import argparse
from pathlib import Path

import jax
import numpy as np
from PIL import Image

import mer_jax
from mer_jax.motion.magnification import magnified
from mer_jax.synthetic.tiers import TIERS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tier", default="easy", choices=TIERS)
    parser.add_argument("--people", type=int, default=6)
    arguments = parser.parse_args()
    clips = mer_jax.load(f"synthme/{arguments.tier}", label=TIERS[arguments.tier].label)
    enlarge, rows = jax.jit(lambda image, flow: magnified(image, flow, 10.0)), []
    for person in range(min(arguments.people, len(clips.subjects))):
        row = []
        mine = np.flatnonzero(np.asarray(clips.subject) == person)
        for label in range(len(clips.classes)):
            shown = [r for r in mine if clips.label[r] == label]
            if not shown:
                row += [np.zeros_like(clips.frames[0, 0])] * (2 if label == 0 else 1)
                continue
            best = max(shown, key=lambda r: np.linalg.norm(clips.true_flow[r], axis=-1).max())
            onset = clips.frames[best, clips.onset[best]]
            moved = enlarge(np.asarray(onset, np.float32) / 255, np.asarray(clips.true_flow[best]))
            row += [onset] * (label == 0) + [np.round(255 * np.clip(moved, 0, 1)).astype(np.uint8)]
        rows.append(np.concatenate(row, 1))
    sheet = np.concatenate(rows, 0)
    scale = max(1, 900 // sheet.shape[1])
    size = sheet.shape[1] * scale, sheet.shape[0] * scale
    Image.fromarray(sheet).resize(size, Image.Resampling.NEAREST).save(arguments.out)
    print(f"{arguments.out}: rows are people; columns: at rest, then x 10: {', '.join(clips.classes)}")


if __name__ == "__main__":
    main()
