"""What `compare_enhancers` found, as a table for the terminal and as a picture."""

import io
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from mer_jax.evaluation.flow_estimators import ESTIMATORS
from mer_jax.evaluation.motion_summary import BASELINE, CEILING, CLEAN
from mer_jax.evaluation.whole_files import write_whole

HEAD = f"{'':12} {'error':^21} {'kept':^20} {'gain':^20} {'r':>5} {'false':>6} {'fixed':>6}  error against t5"


def fidelity_table(found: dict) -> str:
    """A block for each level and estimator, then what the pictures show."""
    lines = [f"{found['clips']} clips of {found['subjects']} people, windows of {found['window']} frames, against the "
             f"{found['reference']}; landmarks {found['landmarks']}",
             f"error: mean endpoint error in pixels where the face moves ({found['moving']} clips), the estimator's regularity "
             "chosen on other people; fixed: at its default; [95 % over people]",
             "kept: 1 - error / that of the dark frame as it is; gain: of the motion, 1 ideal; false: motion where there is "
             "none, in pixels; unsteady: change of mean brightness from onset to apex to offset"]
    if found["left_out"]:
        lines.append(f"left out, since OpenCV is not installed: {', '.join(found['left_out'])}")
    clean = next(row for row in found["rows"] if row["enhancer"] == CLEAN)
    for level in dict.fromkeys(row["level"] for row in found["rows"] if row["enhancer"] != CLEAN):
        rows = [row for row in found["rows"] if row["level"] == level]
        for name in ESTIMATORS:
            lines += ["", f"{level}, {name}   (on the clean frames: {clean[name]['error'][0]:.3f})"]
            lines += [HEAD, *(motion_line(row["enhancer"], row[name]) for row in rows)]
        lines += ["", f"{level}, the pictures", f"{'':12} {'PSNR':>5} {'SSIM':>5} {'warping':>9} {'unsteady':>8}"]
        lines += [f"{row['enhancer']:12} {row['psnr']:5.1f} {row['ssim']:5.2f} {row['warping']:9.5f} {row['unsteady']:8.4f}"
                  for row in rows]
    return "\n".join([*lines, "", f"{CEILING}: the mean of as many captures of the same instant, which no clip has"])


def motion_line(name: str, part: dict) -> str:
    """An enhancer's row: [low, high] are 95 % over people."""
    cells = [interval_text(part["error"], "5.3f"), *(interval_text(part[key], "5.2f") for key in ("preserved", "gain")),
             f"{part['correlation'][0]:5.2f} {part['false_motion'][0]:6.3f} {part['fixed'][0]:6.3f}",
             interval_text(part["over_baseline"], "+.3f") if name != BASELINE else ""]
    return f"{name:12} {' '.join(cells)}".rstrip()


def interval_text(found: tuple[float, list[float] | None], form: str) -> str:
    """`1.00 [ .90, 1.10]`; without brackets where there is no interval."""
    mean, ends = found
    return format(mean, form) + (f" [{ends[0]:{form}}, {ends[1]:{form}}]" if ends else "")


def fidelity_figure(found: dict, path: Path) -> None:
    """The share of motion kept by level with its interval, an enhancer a colour, an estimator a panel; written whole."""
    levels = sorted({row["level"] for row in found["rows"] if row["enhancer"] != CLEAN})
    names = list(dict.fromkeys(row["enhancer"] for row in found["rows"] if row["enhancer"] not in (CLEAN, "none")))
    part = {(row["enhancer"], row["level"]): row for row in found["rows"]}
    with matplotlib.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(4.2 * len(ESTIMATORS) + 1.2, 4.0), layout="constrained")
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
        low, _ = panels[0].get_ylim()
        panels[0].set_ylim(bottom=min(low, -0.2), top=1)
        if low < -1:                                          # harm has no end: all of it in sight, the good part as it is
            panels[0].set_yscale("symlog", linthresh=1)
            panels[0].set_yticks([-10, -5, -3, -2, -1, -0.5, 0, 0.5, 1])
            panels[0].yaxis.set_major_formatter("{x:g}")
            panels[0].set_ylim(bottom=low, top=1)
        panels[0].set_ylabel("motion kept: 1 whole, 0 as the dark frame")
        figure.legend(*panels[0].get_legend_handles_labels(), frameon=False, fontsize=8, loc="outside right center")
        figure.savefig(file := io.BytesIO(), dpi=130, format="png")
        write_whole(path, file.getvalue())
