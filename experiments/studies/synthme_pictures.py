"""SynthME to look at: people with each expression magnified ten times, or clips from onset to offset.

Command:  python experiments/studies/synthme_pictures.py --out=docs/synthme.png [--tier=easy] [--people=6]
          --tier=casme2_like,samm_like,smic_like: one below the other, --people of each
          python experiments/studies/synthme_pictures.py --out=docs/synthme_frames.png --frames [--tier=easy] [--people=3]
Sheet:    a row a person: at rest, and in a clip of each class, the onset frame bent ten times as far as the true flow says
--frames  two rows a person: frames as they were rendered, from the onset over the apex to the offset, of the clip that moves
          most; below, how each differs from the onset, ten times, about grey: what the pixels themselves show
"""

import argparse
from pathlib import Path

import jax
import numpy as np
from called import called
from PIL import Image, ImageDraw

import mer_jax
from mer_jax.data.sampling import instants
from mer_jax.motion.magnification import magnified
from mer_jax.synthetic.tiers import known_tier

WIDTH, PAPER, INK, LINE = 900, 255, 0, 14                     # pixels across at least, empty, letters, height of a line of them
TIMES, SHOWN = 10.0, 9                                        # magnified so much; so many frames of a clip


def strongest(clips: mer_jax.Clips, rows: np.ndarray) -> int:
    """The row whose true motion is the farthest."""
    return max(rows.tolist(), key=lambda row: np.linalg.norm(clips.true_flow[row], axis=-1).max())


def headed(pictures: np.ndarray, names: list[str], scale: int) -> np.ndarray:
    """Pictures enlarged, their columns with names above."""
    pictures = pictures.repeat(scale, 0).repeat(scale, 1)
    head = Image.new("RGB", (pictures.shape[1], LINE), (PAPER,) * 3)
    for number, name in enumerate(names):
        ImageDraw.Draw(head).text((number * pictures.shape[1] // len(names) + 2, 1), name, (INK,) * 3)
    return np.concatenate([np.asarray(head), pictures])


def sheet_of(clips: mer_jax.Clips, people: int) -> tuple[np.ndarray, list[str]]:
    """(pictures of those who show most classes, nothing where somebody lacks one; the names of the columns)."""
    enlarge, rows = jax.jit(lambda image, flow: magnified(image, flow, TIMES)), []
    subject, label = np.asarray(clips.subject), np.asarray(clips.label)
    shows = [-len(set(label[subject == person])) for person in range(len(clips.subjects))]
    for person in sorted(np.argsort(shows, stable=True)[:people]):
        row = [np.full_like(clips.frames[0, 0], PAPER)] * (1 + len(clips.classes))
        mine = np.flatnonzero(subject == person)
        for number in sorted(set(label[mine])):
            best = strongest(clips, mine[label[mine] == number])
            onset = clips.frames[best, clips.onset[best]]
            moved = enlarge(np.asarray(onset, np.float32) / 255, np.asarray(clips.true_flow[best]))
            row[1 + number] = np.round(255 * np.clip(moved, 0, 1)).astype(np.uint8)
            if number == min(label[mine]):
                row[0] = onset
        rows.append(np.concatenate(row, 1))
    return np.concatenate(rows, 0), ["at rest", *clips.classes]


def frames_of(clips: mer_jax.Clips, people: int) -> tuple[np.ndarray, list[str]]:
    """(frames and below them their grey differences from the onset, a pair of rows a person; the names of the columns)."""
    rows = []
    for person in range(min(people, len(clips.subjects))):
        best = strongest(clips, np.flatnonzero(np.asarray(clips.subject) == person))
        at = instants(clips.onset[best : best + 1], clips.apex[best : best + 1], clips.offset[best : best + 1], SHOWN)[0]
        frames = np.asarray(clips.frames[best])[np.asarray(at)]
        apart = 128 + TIMES * (frames.astype(np.float32) - frames[:1]).mean(-1, keepdims=True).repeat(3, -1)
        rows += [np.concatenate([*part], 1) for part in (frames, np.clip(apart, 0, 255).astype(np.uint8))]
    middle = SHOWN // 2
    return np.concatenate(rows, 0), ["onset", *[""] * (middle - 1), "apex", *[""] * (middle - 1), "offset"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tier", default="easy", help="one or more, with commas between")
    parser.add_argument("--people", type=int)
    parser.add_argument("--frames", action="store_true", help="clips from onset to offset")
    arguments = parser.parse_args()
    made = []
    for tier in [known_tier(name) for name in arguments.tier.split(",")]:
        clips = mer_jax.load(f"synthme/{tier.name}", label=tier.label)
        made.append(frames_of(clips, arguments.people or 3) if arguments.frames else sheet_of(clips, arguments.people or 6))
    scale = max(1, WIDTH // max(pictures.shape[1] for pictures, _ in made))
    sheets = [headed(pictures, names, scale) for pictures, names in made]
    wide = max(sheet.shape[1] for sheet in sheets)
    whole = [np.pad(sheet, ((0, 0), (0, wide - sheet.shape[1]), (0, 0)), constant_values=PAPER) for sheet in sheets]
    Image.fromarray(np.concatenate(whole)).save(arguments.out)
    print(arguments.out)


if __name__ == "__main__":
    called("synthme_pictures", main, goes_on=False)
