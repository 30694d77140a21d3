"""SynthME to look at: one row a person: at rest, and in a clip of each class with the motion magnified ten times.

Command:  python experiments/studies/synthme_pictures.py --out=docs/synthme.png [--tier=easy] [--people=6]
          --tier=casme2_like,samm_like,smic_like: one below the other, --people of each
"""

import argparse
from pathlib import Path

import jax
import numpy as np
from called import called, tiers_of
from PIL import Image

import mer_jax
from mer_jax.motion.magnification import magnified
from mer_jax.synthetic.tiers import TIERS

WIDTH, PAPER = 900, 255                                       # what a sheet has at least across, and what is where nothing is


def sheet_of(tier: str, people: int) -> np.ndarray:
    """(people * size, (1 + classes) * size, 3) uint8: of those who show most classes; nothing where somebody lacks one."""
    clips = mer_jax.load(f"synthme/{tier}", label=TIERS[tier].label)
    enlarge, rows = jax.jit(lambda image, flow: magnified(image, flow, 10.0)), []
    subject, label = np.asarray(clips.subject), np.asarray(clips.label)
    shows = [-len(set(label[subject == person])) for person in range(len(clips.subjects))]
    for person in sorted(np.argsort(shows, stable=True)[:people]):
        row = [np.full_like(clips.frames[0, 0], PAPER)] * (1 + len(clips.classes))
        mine = np.flatnonzero(subject == person)
        for number in sorted(set(label[mine])):
            shown = mine[label[mine] == number]
            best = max(shown, key=lambda r: np.linalg.norm(clips.true_flow[r], axis=-1).max())
            onset = clips.frames[best, clips.onset[best]]
            moved = enlarge(np.asarray(onset, np.float32) / 255, np.asarray(clips.true_flow[best]))
            row[1 + number] = np.round(255 * np.clip(moved, 0, 1)).astype(np.uint8)
            if number == min(label[mine]):
                row[0] = onset
        rows.append(np.concatenate(row, 1))
    print(f"{tier}: rows are people; columns: at rest, then x 10: {', '.join(clips.classes)}")
    return np.concatenate(rows, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tier", default="easy", help="one or more, with commas between")
    parser.add_argument("--people", type=int, default=6)
    arguments = parser.parse_args()
    sheets = [sheet_of(tier, arguments.people) for tier in tiers_of(arguments.tier)]
    wide = max(sheet.shape[1] for sheet in sheets)
    sheets = [np.pad(sheet, ((0, 0), (0, wide - sheet.shape[1]), (0, 0)), constant_values=PAPER) for sheet in sheets]
    sheet = np.concatenate(sheets, 0)
    scale = max(1, WIDTH // sheet.shape[1])
    size = sheet.shape[1] * scale, sheet.shape[0] * scale
    Image.fromarray(sheet).resize(size, Image.Resampling.NEAREST).save(arguments.out)
    print(arguments.out)


if __name__ == "__main__":
    called("synthme_pictures", main, goes_on=False)
