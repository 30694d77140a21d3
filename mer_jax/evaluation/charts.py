"""The charts of a report as inline SVG: colours are CSS variables of the page, so they follow its light or dark theme.

The same numbers give the same text, byte for byte. Sizes are in points of a 360-point-wide drawing, which a phone
shows at its own width.
"""

import base64
import html
import io
import re

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Arc, Ellipse
from matplotlib.ticker import MaxNLocator
from PIL import Image

INK, MUTED, LINE, ACCENT = "#000001", "#000002", "#000003", "#000004"
VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", LINE: "var(--line)", ACCENT: "var(--accent)"}
WARMTH = LinearSegmentedColormap.from_list("warmth", [(0.89, 0.42, 0.12, 0.0), (0.89, 0.42, 0.12, 1.0)])
STYLE = {"svg.fonttype": "none", "svg.hashsalt": "mer_jax", "svg.image_inline": True, "font.size": 10,
         "font.family": "sans-serif", "text.parse_math": False}
NAMED_SUBJECTS = 70


def _figure(width: float, height: float, margins: tuple) -> tuple[Figure, Axes]:
    """A figure of width × height points and its axes, with margins (left, right, top, bottom) in points."""
    left, right, top, bottom = margins
    figure = Figure(figsize=(width / 72, height / 72))
    axes = figure.add_axes((left / width, bottom / height, 1 - (left + right) / width, 1 - (top + bottom) / height))
    axes.patch.set_visible(False)
    axes.tick_params(colors=MUTED, length=0, pad=4)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure, axes


def _svg(figure: Figure, title: str) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", transparent=True,
                   metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = text.getvalue()
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg[svg.index("<svg"):])
    for size in ("width", "height"):
        svg = re.sub(rf'(<svg[^>]*?) {size}="[^"]*"', r"\1", svg, count=1)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, variable)
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(title)}"', 1)


def curve_chart(epochs: np.ndarray, values: np.ndarray, name: str, starts: list[int]) -> str:
    """The mean over runs and the band of their 10 to 90 % quantiles; values (epochs, runs), nan = none.

    starts: the first epoch of each stage; where one begins the curve is cut, since the losses may be others, and where
    a later one begins there is a dotted line.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure(360.0, 190.0, (36, 10, 10, 34))
        low, high = np.nanpercentile(values, [10, 90], axis=1)
        for part in np.split(np.arange(len(epochs)), np.searchsorted(epochs, starts[1:])):
            axes.fill_between(epochs[part], low[part], high[part], color=ACCENT, alpha=0.2, linewidth=0)
            axes.plot(epochs[part], np.nanmean(values[part], 1), color=ACCENT, linewidth=2, solid_capstyle="round")
        for start in starts[1:]:
            axes.axvline(start - 0.5, color=MUTED, linewidth=1, linestyle=":")
        axes.grid(axis="y", color=LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.set_ylim(bottom=0, top=1.02 if name == "training accuracy" else None)
        axes.margins(x=0.01)
        axes.set_xlabel("epoch", color=MUTED)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(6))
        return _svg(figure, f"{name} by epoch")


def subject_chart(names: list[str], accuracy: np.ndarray, clips: np.ndarray, mean: float, dataset: str) -> str:
    """The accuracy of each subject, the best at the top, with its number of clips; the dashed line is `mean`.

    Beyond 70 subjects the names are left out and the rows drawn closer.
    """
    order = np.lexsort((names, -clips, -accuracy))
    named = len(names) <= NAMED_SUBJECTS
    pitch = 15.0 if named else max(900 / len(names), 1.5)
    with matplotlib.rc_context(STYLE):
        left = min(12 + 5.6 * max(map(len, names)), 130) if named else 12
        figure, axes = _figure(360.0, len(names) * pitch + 44, (left, 52 if named else 12, 10, 34))
        rows = np.arange(len(names))
        axes.barh(rows, accuracy[order], height=0.56, color=ACCENT, alpha=0.28, linewidth=0)
        axes.scatter(accuracy[order], rows, s=min(26, pitch * 2), color=ACCENT, linewidths=0, zorder=3, clip_on=False)
        axes.axvline(mean, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.set(xlim=(0, 1), ylim=(len(names) - 0.4, -0.6), xticks=np.linspace(0, 1, 5))
        axes.set_xticklabels([f"{x:.0%}" for x in np.linspace(0, 1, 5)])
        axes.set_yticks(rows if named else [])
        if named:
            axes.set_yticklabels([names[i][:20] for i in order], color=INK)
            for row, i in enumerate(order):
                axes.annotate("1 clip" if clips[i] == 1 else f"{clips[i]} clips", (1, row), (8, 0), va="center",
                              color=MUTED, textcoords="offset points", fontsize=9, annotation_clip=False)
        axes.grid(axis="x", color=LINE, linewidth=0.8)
        axes.set_axisbelow(True)
        return _svg(figure, f"accuracy of each subject of {dataset}")


def _face(axes: Axes) -> None:
    """The outline of a face as aligned crops usually hold it, in a unit square: for orientation only."""
    pen = {"fill": False, "color": MUTED, "linewidth": 1.1, "alpha": 0.9}
    for x in (0.3, 0.7):
        axes.add_patch(Ellipse((x, 0.38), 0.2, 0.085, **pen))
        axes.add_patch(Arc((x, 0.3), 0.28, 0.12, theta1=190, theta2=350, color=MUTED, linewidth=1.1))
    axes.add_patch(Arc((0.5, 0.56), 0.2, 0.14, theta1=20, theta2=160, color=MUTED, linewidth=1.1))
    axes.add_patch(Ellipse((0.5, 0.78), 0.36, 0.1, **pen))
    axes.add_patch(Ellipse((0.5, 0.5), 0.94, 1.16, **pen))


def attention_chart(weights: np.ndarray, most: float, title: str) -> str:
    """A heat map (h, w) of attention as a multiple of the average pixel's, from 0 (clear) to `most` (full colour)."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _figure(150.0, 150.0, (3, 3, 3, 3))
        axes.imshow(weights, cmap=WARMTH, vmin=0, vmax=most, extent=(0, 1, 1, 0), aspect="auto")
        _face(axes)
        axes.set(xlim=(0, 1), ylim=(1, 0), xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(visible=True, color=LINE)
        return _svg(figure, title)


def png_uri(image: np.ndarray) -> str:
    """An (H, W, 3) uint8 picture as a PNG in a data URI."""
    Image.fromarray(image).save(file := io.BytesIO(), "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
