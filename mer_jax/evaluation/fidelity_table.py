"""What `compare_enhancers` found, as a table for the terminal and as a picture."""

import io
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from mer_jax.evaluation.flow_estimators import ESTIMATORS
from mer_jax.evaluation.motion_summary import CEILING, CLEAN
from mer_jax.evaluation.whole_files import write_whole

HEAD = f"{'':12} {'error':>6} {'95 %':^14} {'kept':>6} {'gain':>5} {'r':>5} {'false':>6} {'fixed':>6}  against t5"


def fidelity_table(found: dict) -> str:
    """A block for each level and estimator, then what the pictures show."""
    lines = [f"{found['clips']} clips of {found['subjects']} people, windows of {found['window']} frames, against the "
             f"{found['reference']}; landmarks {found['landmarks']}",
             "error: mean endpoint error in pixels where the face moves, the estimator's regularity chosen on other people; "
             "fixed: at its default",
             "kept: 1 - error / that of the dark frame as it is; gain: of the motion, 1 ideal; false: motion where there is "
             "none, in pixels"]
    clean = next(row for row in found["rows"] if row["enhancer"] == CLEAN)
    for level in dict.fromkeys(row["level"] for row in found["rows"] if row["enhancer"] != CLEAN):
        rows = [row for row in found["rows"] if row["level"] == level]
        for name in ESTIMATORS:
            lines += ["", f"{level}, {name}   (on the clean frames: {clean[name]['error'][0]:.3f})"]
            lines += [HEAD, *(motion_line(row["enhancer"], row[name]) for row in rows)]
        lines += ["", f"{level}, the pictures", f"{'':12} {'PSNR':>5} {'SSIM':>5} {'warping':>9} {'flicker':>8}"]
        lines += [f"{row['enhancer']:12} {row['psnr']:5.1f} {row['ssim']:5.2f} {row['warping']:9.5f} {row['flicker']:8.4f}"
                  for row in rows]
    return "\n".join([*lines, "", f"{CEILING}: the mean of as many captures of the same instant, which no clip has"])


def motion_line(name: str, part: dict) -> str:
    (error, (low, high)), (over, (least, most)) = part["error"], part["over_baseline"]
    against = f"{over:+.3f} [{least:+.3f}, {most:+.3f}]" if over or least or most else ""
    return (f"{name:12} {error:6.3f} [{low:5.3f}, {high:5.3f}] {part['preserved']:6.2f} {part['gain']:5.2f} "
            f"{part['correlation']:5.2f} {part['false_motion']:6.3f} {part['fixed'][0]:6.3f}  {against}").rstrip()


def fidelity_figure(found: dict, path: Path) -> None:
    """The share of motion kept by level, a line an enhancer, a panel an estimator; written whole."""
    levels = sorted({row["level"] for row in found["rows"] if row["enhancer"] != CLEAN})
    names = list(dict.fromkeys(row["enhancer"] for row in found["rows"] if row["enhancer"] not in (CLEAN, "none")))
    with matplotlib.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(4.6 * len(ESTIMATORS), 4.2), layout="constrained")
        colours = matplotlib.colormaps["tab20"]
        for axes, estimator in zip(figure.subplots(1, len(ESTIMATORS), sharey=True, squeeze=False)[0], ESTIMATORS, strict=True):
            for number, name in enumerate(names):
                kept = [next(row[estimator]["preserved"] for row in found["rows"]
                             if (row["enhancer"], row["level"]) == (name, level)) for level in levels]
                axes.plot(levels, kept, color=colours(number % 20), marker="o", markersize=4, label=name,
                          linestyle="--" if name == CEILING else "-")
            axes.axhline(0, color="0.6", linewidth=1)
            axes.set_title(f"{estimator}: motion kept (1 whole, 0 no better than the dark frame)", fontsize=9)
            axes.set_ylim(bottom=-1.05, top=1)
            axes.set_xlabel("light level")
        axes.legend(frameon=False, fontsize=8, loc="lower left")
        figure.savefig(file := io.BytesIO(), dpi=130, format="png")
        write_whole(path, file.getvalue())
