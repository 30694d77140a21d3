"""What `compare_enhancers` found, as a picture: the motion kept by level, and below it one clip to be looked at."""

import io
import textwrap
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure, SubFigure

from mer_jax.evaluation.fidelity_examples import Example, eye_factor, levels_of
from mer_jax.evaluation.flow_estimators import ESTIMATORS
from mer_jax.evaluation.motion_summary import BASELINE, CEILING, CLEAN
from mer_jax.light.camera import LEVELS
from mer_jax.whole_files import write_whole

WIDTH, CURVES, DPI = 11.0, 4.0, 150                           # inches
CELL, LEFT, WORDS, GAP, LINE = 1.75, 0.2, 1.05, 0.06, 0.2     # inches: widest picture, margin, room for words, between, a line
STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}


def fidelity_figure(found: dict, example: Example, path: Path) -> None:
    """Both parts, as PNG, written whole."""
    height, width = example.face.shape
    columns = 2 if example.shown[CLEAN, "L0"].picture is not None else 1                  # face and flow, or flow alone
    cell = min(CELL, (WIDTH - 2 * LEFT - WORDS) / (columns * (1 + len(levels_of(found)))) - GAP)
    tall = cell * height / width
    rows = len({name for name, _ in example.shown}) - 1
    below = 3.5 * LINE + rows * (tall + LINE)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, CURVES + below), layout="constrained")
        top, bottom = figure.subfigures(2, 1, height_ratios=[CURVES, below])
        draw_curves(top, found)
        draw_example(bottom, found, example, cell, tall, below)
        figure.savefig(file := io.BytesIO(), dpi=DPI, format="png")
    write_whole(path, file.getvalue())


def draw_curves(figure: SubFigure, found: dict) -> None:
    """The share of motion kept by level with its interval, an enhancer a colour, an estimator a panel."""
    levels = levels_of(found)
    names = list(dict.fromkeys(row["enhancer"] for row in found["rows"] if row["enhancer"] not in (CLEAN, "none")))
    part = {(row["enhancer"], row["level"]): row for row in found["rows"]}
    panels = figure.subplots(1, len(ESTIMATORS), sharey=True, squeeze=False)[0]
    for axes, estimator in zip(panels, ESTIMATORS, strict=True):
        for number, name in enumerate(names):
            kept = [part[name, level][estimator]["preserved"] for level in levels]
            means = np.array([mean for mean, _ in kept])
            ends = np.array([ends or [mean, mean] for mean, ends in kept])
            places = np.arange(len(levels)) + 0.5 * ((number + 0.5) / len(names) - 0.5)
            colour = matplotlib.colormaps["tab20"](2 * number % 20 + number // 10)
            axes.errorbar(places, means, np.maximum([means - ends[:, 0], ends[:, 1] - means], 0), marker="o", markersize=4,
                          linewidth=1.4, elinewidth=0.7, color=colour, label=name,
                          linestyle="--" if name == CEILING else "-")
        axes.axhline(0, color="0.6", linewidth=1)
        axes.set(title=estimator, xlabel="light level", xlim=(-0.5, len(levels) - 0.5))
        axes.set_xticks(range(len(levels)), levels)
    scale_harm(panels[0])
    panels[0].set_ylabel("motion kept: 1 whole, 0 as the dark frame")
    figure.legend(*panels[0].get_legend_handles_labels(), frameon=False, fontsize=8, loc="outside right center")


def scale_harm(axes: Axes) -> None:
    """From 1 down to what there is; harm has no end: all of it in sight, the good part as it is."""
    low, _ = axes.get_ylim()
    axes.set_ylim(bottom=min(low, -0.2), top=1)
    if low < -1:
        axes.set_yscale("symlog", linthresh=1)
        axes.set_yticks([-10, -5, -3, -2, -1, -0.5, 0, 0.5, 1])
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_ylim(bottom=low, top=1)


class Sheet(NamedTuple):
    """Where the example's pictures go, in inches from the left and from the top: cell, tall: of a picture; below: of the whole
    sheet; block: of what belongs together, the face and its flow. most: pixels, at which the colours of a flow end."""

    figure: SubFigure
    example: Example
    cell: float
    tall: float
    below: float
    block: float
    most: float

    def put(self, row: int, x: float, image: np.ndarray, words: str = "", outlined: bool = False) -> None:
        """A picture with words under it; outlined: the face, and where it moves."""
        y = 2 * LINE + row * (self.tall + LINE)
        place = x / WIDTH, 1 - (y + self.tall) / self.below, self.cell / WIDTH, self.tall / self.below
        axes = self.figure.add_axes(place)
        shrunk = self.cell * DPI < image.shape[1]
        axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="lanczos" if shrunk else "nearest")
        axes.axis("off")
        axes.text(0.5, -0.02, words, transform=axes.transAxes, ha="center", va="top", fontsize=7, color="0.3")
        if outlined:
            axes.contour(self.example.face, [0.5], colors="0.8", linewidths=0.6)
            axes.contour(self.example.moves, [0.5], colors="0.2", linewidths=0.6)

    def put_flow(self, row: int, x: float, flow: np.ndarray, words: str) -> None:
        self.put(row, x, flow_colours(np.where(self.example.face[..., None], flow, 0), self.most), words, True)

    def write(self, x: float, y: float, words: str, **how) -> None:
        self.figure.text(x / WIDTH, 1 - y / self.below, words, **{"va": "center", "ha": "center", **how})


def draw_example(figure: SubFigure, found: dict, example: Example, cell: float, tall: float, below: float) -> None:
    """To the left the clip in good light, the flow that is wanted, and its key; to the right a row an enhancer, and for each
    level its picture of the apex and its flow. cell, tall, below: see `Sheet`."""
    levels, faces = levels_of(found), example.shown[CLEAN, "L0"].picture is not None
    sheet = Sheet(figure, example, cell, tall, below, (1 + faces) * (cell + GAP), longest(example))
    start = (WIDTH - WORDS - sheet.block * (1 + len(levels))) / 2
    draw_good_light(sheet, found, start)
    names = list(dict.fromkeys(name for name, _ in example.shown if name != CLEAN))
    for row, name in enumerate(names):
        sheet.write(start + sheet.block + WORDS / 2, 2 * LINE + row * (tall + LINE) + tall / 2, words_of(name))
    for number, level in enumerate(levels):
        x = start + WORDS + sheet.block * (1 + number)
        sheet.write(x + sheet.block / 2, 1.2 * LINE, f"{level}: {100 * LEVELS[level].exposure:g} % of the light")
        for row, name in enumerate(names):
            shown, factor = example.shown[name, level], eye_factor(level) if name == "none" else 1.0
            if faces:
                sheet.put(row, x, face_of(shown.picture * factor), f"shown x {factor:.1f}" if name == "none" else "")
            sheet.put_flow(row, x + faces * (cell + GAP), shown.flow, f"off by {shown.error:.2f} px")


def draw_good_light(sheet: Sheet, found: dict, start: float) -> None:
    """The block at the left: what the clip is and does, the key of the colours, and what is seen."""
    clean, beside = sheet.example.shown[CLEAN, "L0"], start + sheet.cell + GAP
    faces = clean.picture is not None
    sheet.write(start + sheet.block / 2, 1.2 * LINE, "good light")
    if faces:
        sheet.put(0, start, face_of(clean.picture), "apex, clean")
        sheet.put_flow(0, beside, clean.flow, f"off by {clean.error:.2f} px")
    sheet.put_flow(int(faces), start, sheet.example.reference, f"the {found['reference']}")
    sheet.put(1, beside if faces else start, key_picture(sheet.example.face.shape, sheet.most), f"at the rim {sheet.most:g} px")
    words = note(found, sheet.example, int(sheet.block * 17))
    sheet.write(start, 2.2 * LINE + 2 * (sheet.tall + LINE), words, va="top", ha="left", fontsize=8, color="0.3")


def longest(example: Example) -> float:
    """What the colours of all flows end at: nearly the longest motion that is wanted, in tenths of a pixel."""
    return max(0.1, float(np.ceil(10 * np.percentile(np.linalg.norm(example.reference, axis=-1)[example.moves], 98))) / 10)


def words_of(name: str) -> str:
    """A row's name, as it stands beside it."""
    return {"none": "the dark\nframe", BASELINE: f"{BASELINE},\nthe baseline", CEILING: f"{CEILING},\nwhich no\nclip has"}.get(
        name, f"{name},\nthe best")


def note(found: dict, example: Example, width: int) -> str:
    """What is seen, in lines of so many letters."""
    lines = [f"{found['typical_clip']}, whose error is the middle one.",
             "Flow by TV-L1 from onset to apex; outlined: where the face moves, in which errors are taken."]
    if example.best:
        lines.append(f"The best: of the enhancers asked for beside {BASELINE}, over these levels and all clips.")
    return "\n".join(textwrap.fill(line, width) for line in lines)


def face_of(picture: Float[np.ndarray, "height width channels"]) -> np.ndarray:
    """As it is drawn: (H, W, 3), or (H, W) of a grey one, in [0, 1]."""
    return np.clip(picture[..., 0] if picture.shape[-1] == 1 else picture, 0, 1)


def flow_colours(flow: Float[np.ndarray, "height width 2"], most: float) -> Float[np.ndarray, "height width 3"]:
    """The direction as hue, the length as strength: white where nothing moves, full from `most` pixels on."""
    hue = np.arctan2(-flow[..., 1], -flow[..., 0]) / (2 * np.pi) + 0.5
    strength = np.clip(np.linalg.norm(flow, axis=-1) / most, 0, 1)
    return hsv_to_rgb(np.stack([hue % 1, strength, 1 - 0.12 * strength], -1))


def key_picture(shape: tuple[int, int], most: float) -> Float[np.ndarray, "height width 3"]:
    """The colour of every motion up to `most`, at where it leads to from the middle; white outside."""
    side = min(shape)
    y, x = (np.mgrid[: shape[0], : shape[1]].T - (np.array(shape) - 1) / 2).T
    flow = 2.4 * most / side * np.stack([x, y], -1)
    inside = np.linalg.norm(flow, axis=-1) <= most
    return np.where(inside[..., None], flow_colours(flow, most), 1)
