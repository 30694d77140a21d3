"""What `compare_enhancers` found, as a table for the terminal."""

from mer_jax.evaluation.flow_estimators import ESTIMATORS
from mer_jax.evaluation.motion_summary import BASELINE, CEILING, CLEAN

HEAD = (f"{'':12} {'error':^21} {'kept':^20} {'gain':^20} {'r':>5} {'strain':>6} {'false':>6} {'fixed':>6} {'full':^12}  "
        "error against t5")

IDEAL = (("error", "error", 3), ("gain", "gain", 2), ("r", "correlation", 2), ("strain", "strain", 2))
LEGEND = (
    "error: mean endpoint error in pixels where the face moves; fixed: at the estimator's default, all else at the regularity",
    "that is best on other people; kept: 1 - error / that of the dark frame as it is; gain: of the motion, 1 ideal; r, strain:",
    "correlation of the flow, and of its strain, there; false: motion where there is none, in pixels; [95 % over people]",
    "full: the error (and gain) of the flow times a number, it and the regularity those of least error on other people among",
    "those that show the whole of their motion",
    "warping: squared change along the motion, of the picture, and where the face moves; unsteady: change of mean brightness",
    "from onset to apex to offset")


def fidelity_table(found: dict) -> str:
    """A block for each level and estimator, then what the pictures show."""
    lines = [f"{found['clips']} clips of {found['subjects']} people, windows of {found['window']} frames, against the "
             f"{found['reference']}; landmarks {found['landmarks']}; the face moves in {found['moving']}", *LEGEND]
    if found["left_out"]:
        lines.append(f"left out, since OpenCV is not installed: {', '.join(found['left_out'])}")
    if found.get("trained_on_these"):
        lines.append(f"trained on these very clips, so only others could judge them: {', '.join(found['trained_on_these'])}")
    clean = next(row for row in found["rows"] if row["enhancer"] == CLEAN)
    ideal = {name: ", ".join(f"{word} {clean[name][key][0]:.{digits}f}" for word, key, digits in IDEAL) for name in ESTIMATORS}
    for level in dict.fromkeys(row["level"] for row in found["rows"] if row["enhancer"] != CLEAN):
        rows = [row for row in found["rows"] if row["level"] == level]
        for name in ESTIMATORS:
            lines += ["", f"{level}, {name}   (on the clean frames: {ideal[name]})"]
            lines += [HEAD, *(motion_line(row["enhancer"], row[name]) for row in rows)]
        lines += ["", f"{level}, the pictures", f"{'':12} {'PSNR':>5} {'SSIM':>5} {'warping':>8} {'moving':>8} {'unsteady':>8}"]
        lines += [picture_line(row) for row in rows]
    return "\n".join([*lines, "", f"{CEILING}: the mean of as many captures of the same instant, which no clip has"])


def motion_line(name: str, part: dict) -> str:
    """An enhancer's row: [low, high] are 95 % over people."""
    cells = [interval_text(part["error"], "5.3f"), *(interval_text(part[key], "5.2f") for key in ("preserved", "gain")),
             f"{part['correlation'][0]:5.2f} {part['strain'][0]:6.2f} {part['false_motion'][0]:6.3f} {part['fixed'][0]:6.3f} "
             f"{part['full']['error'][0]:5.3f} ({part['full']['gain'][0]:4.2f})",
             interval_text(part["over_baseline"], "+.3f") if name != BASELINE else ""]
    return f"{name:12} {' '.join(cells)}".rstrip()


def picture_line(row: dict) -> str:
    """What an enhancer's pictures show; - where it cannot be said."""
    cells = [f"{'-':>8}" if row[key] is None else format(row[key], "8.5f") for key in ("warping", "warping_moving")]
    return f"{row['enhancer']:12} {row['psnr']:5.1f} {row['ssim']:5.2f} {' '.join(cells)} {row['unsteady']:8.4f}"


def interval_text(found: tuple[float, list[float] | None], form: str) -> str:
    """`1.00 [ .90, 1.10]`; without brackets where there is no interval."""
    mean, ends = found
    return format(mean, form) + (f" [{ends[0]:{form}}, {ends[1]:{form}}]" if ends else "")
