"""TV-L1 flow beside OpenCV's: CPU seconds a pair, error, and the distance to the hardware's floor.

Command:  python experiments/speed/flow.py [--json] [--pairs=6] [--synthme=12]        needs `pip install -e ".[peers]"`
Pairs:    the face of scikit-image's public astronaut, 340 x 280, moved by smooth bumps of 2, 1 and 1/2 pixels as action units
          are, grey noise of one level, 8 bits. Both sides read the same pictures; OpenCV's DualTVL1OpticalFlow runs at its
          defaults on one thread; the sides take turns, each pair of pictures once, and the seconds are CPU seconds of all
          threads, so that neither gains by more cores. Compiling is left out, and printed.
Ratios:   OpenCV's seconds over ours. error_ratio: the larger of both forms' error on moving pixels over OpenCV's.
SynthME:  the error beside that on faces whose true motion is known and was not made by moving one picture: onset and apex of
          --synthme=N clips of synthme/full_size, evenly spaced, as grey 8-bit pictures of 280 x 280; all four sides at their
          defaults, scikit-image's optical_flow_tvl1 among them, and a flow of zero. Against what the pixels did: on all of
          them, and where the face moves, by more than .0027 pupil distances against the nose. Means over clips, those of the
          moving pixels over clips that have some. The tier is rendered once, in five minutes; --synthme=0 leaves it out.
Floor:    the operations that one pair needs, as the compiler counts those of one step and of one warp, at the rate of a
          large matrix product on one core. TV-L1 is no matrix product: the gap says how far it is from the best imaginable.
"""

import argparse
import functools
import json
import time

import jax
import jax.numpy as jnp
import numpy as np

from mer_jax.data.clips import Clips
from mer_jax.light.fidelity import aligned, moving, nose_box, pupil_distance
from mer_jax.loading import load
from mer_jax.motion.luma import luma
from mer_jax.motion.tvl1 import FAITHFUL, FAST, TVL1, sizes, step, tvl1
from mer_jax.motion.warping import look_up, warp
from mer_jax.progress_bar import ProgressBar

HEIGHT, WIDTH, PEAKS = 340, 280, (2.0, 1.0, 0.5)
FORMS = {"faithful": FAITHFUL, "fast": FAST}


def moved_face(peak: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(first, second, true flow): 8-bit grey pictures, and pixels."""
    import cv2
    from skimage.data import astronaut

    face = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY)[0:220, 130:311].astype(np.float32)
    face = np.clip(cv2.resize(face, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), 0, 255)
    rng, (y, x) = np.random.default_rng(seed), np.mgrid[:HEIGHT, :WIDTH]
    flow = np.zeros((HEIGHT, WIDTH, 2))
    for _ in range(4):
        centre, sigma, angle = rng.uniform(0.25, 0.75, 2), rng.uniform(0.06, 0.1) * WIDTH, rng.uniform(0, 2 * np.pi)
        hill = np.exp(-((x - centre[0] * WIDTH) ** 2 + (y - centre[1] * HEIGHT) ** 2) / (2 * sigma**2))
        flow += hill[..., None] * np.array([np.cos(angle), np.sin(angle)])
    flow = (peak * flow / np.linalg.norm(flow, axis=-1).max()).astype(np.float32)
    moved = np.asarray(warp(jnp.asarray(face)[..., None], jnp.asarray(flow)))[..., 0]
    first, second = (np.round(np.clip(image + rng.normal(0, 1, image.shape), 0, 255)).astype(np.uint8)
                     for image in (face, moved))
    return first, second, flow


def cpu_seconds(function, *arguments) -> tuple[np.ndarray, float]:
    """(the result, CPU seconds of all threads)."""
    start = time.process_time()
    found = np.asarray(function(*arguments))
    return found, time.process_time() - start


def errors(found: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Mean endpoint error in pixels: over all places, and over those that move by a quarter of the largest motion."""
    error, length = np.linalg.norm(found - true, axis=-1), np.linalg.norm(true, axis=-1)
    return float(error.mean()), float(error[length > length.max() / 4].mean())


def operations(settings: TVL1) -> float:
    """Floating-point operations of one pair: the compiler's count of one step and one warp, times how many there are."""
    plane = jax.ShapeDtypeStruct((1, HEIGHT, WIDTH), jnp.float32)
    image, flow = (jax.ShapeDtypeStruct((1, HEIGHT, WIDTH, channels), jnp.float32) for channels in (3, 2))
    one_step = jax.jit(functools.partial(step, settings=settings)).lower(plane, plane, (plane,) * 4, plane, plane, plane, plane)
    one_warp = jax.jit(functools.partial(look_up, interpolation=settings.interpolation)).lower(image, flow)
    a_step, a_warp = (lowered.compile().cost_analysis()["flops"] for lowered in (one_step, one_warp))
    share = sum(h * w for h, w in sizes(HEIGHT, WIDTH, settings)) / (HEIGHT * WIDTH)
    return settings.warps * share * (a_warp + settings.iterations * a_step)


def core_rate() -> float:
    """Operations a CPU second that a large matrix product reaches here, the median of five."""
    size = 1024
    product, matrix, rates = jax.jit(jnp.matmul), jnp.ones((size, size)), []
    product(matrix, matrix).block_until_ready()
    for _ in range(5):
        _, seconds = cpu_seconds(lambda: [product(matrix, matrix) for _ in range(8)][-1])
        rates.append(8 * 2 * size**3 / seconds)
    return float(np.median(rates))


def measure(pairs: int) -> dict:
    """All figures; see the head of this file."""
    import cv2

    cv2.setNumThreads(1)
    peer, forms, compiling = cv2.optflow.DualTVL1OpticalFlow_create(), {}, {}
    for name, settings in FORMS.items():
        forms[name] = jax.jit(functools.partial(tvl1, settings=settings))
        start, blank = time.monotonic(), np.zeros((HEIGHT, WIDTH), np.float32)
        forms[name](blank, blank).block_until_ready()
        compiling[name] = time.monotonic() - start
    seconds: dict[str, list] = {name: [] for name in ("opencv", *FORMS)}
    error: dict[str, list] = {name: [] for name in seconds}
    distance: dict[str, list] = {name: [] for name in FORMS}
    for number in range(pairs):
        first, second, true = moved_face(PEAKS[number % len(PEAKS)], number)
        theirs, spent = cpu_seconds(lambda a=first, b=second: peer.calc(a, b, None))
        seconds["opencv"].append(spent)
        error["opencv"].append(errors(theirs, true))
        for name, form in forms.items():
            ours, spent = cpu_seconds(form, first / np.float32(255), second / np.float32(255))
            seconds[name].append(spent)
            error[name].append(errors(ours, true))
            distance[name].append(float(np.linalg.norm(ours - theirs, axis=-1).mean()))
    ratio = {name: np.array(seconds["opencv"]) / np.array(seconds[name]) for name in FORMS}
    mean = {name: np.mean(values, 0) for name, values in error.items()}
    rate, needed = core_rate(), {name: operations(settings) for name, settings in FORMS.items()}
    return {
        "ratio_per_core": float(np.median(ratio["faithful"])), "ratio_per_core_fast": float(np.median(ratio["fast"])),
        "error_ratio": float(max(mean[name][1] for name in FORMS) / mean["opencv"][1]),
        "spread": {name: [float(values.min()), float(values.max())] for name, values in ratio.items()},
        "cpu_seconds": {name: float(np.median(values)) for name, values in seconds.items()},
        "error": {name: {"all": float(values[0]), "moving": float(values[1])} for name, values in mean.items()},
        "distance_to_opencv": {name: float(np.mean(values)) for name, values in distance.items()},
        "compile_seconds": compiling, "operations": needed, "core_rate": rate,
        "gap_to_floor": {name: float(np.median(seconds[name]) * rate / needed[name]) for name in FORMS},
        "pairs": pairs, "size": [HEIGHT, WIDTH], "versions": {"jax": jax.__version__, "opencv": cv2.__version__},
    }


def on_synthme(count: int) -> dict:
    """{"clips", "moving_clips", "error": {side: {"all", "moving"}}} of onset and apex of some clips; see the head of this file.
    """
    import cv2
    from skimage.registration import optical_flow_tvl1

    clips = load("synthme/full_size")
    clips = clips.take(sorted({number * len(clips) // count for number in range(count)}))
    peer, forms = cv2.optflow.DualTVL1OpticalFlow_create(), {name: jax.jit(functools.partial(tvl1, settings=settings))
                                                             for name, settings in FORMS.items()}
    sides = {"opencv": lambda a, b: peer.calc(a, b, None),
             "scikit-image": lambda a, b: np.stack(optical_flow_tvl1(a / np.float32(255), b / np.float32(255))[::-1], -1),
             **{name: lambda a, b, form=form: np.asarray(form(a / np.float32(255), b / np.float32(255)))
                for name, form in forms.items()},
             "zero": lambda a, b: np.zeros((*a.shape, 2), np.float32)}
    error: dict[str, list] = {name: [] for name in sides}
    with ProgressBar(len(clips) * len(sides), "SynthME") as bar:
        for row in range(len(clips)):
            first, second = (grey(clips.frames[row, mark[row]]) for mark in (clips.onset, clips.apex))
            true, moves = clips.pixel_flow[row], face_moves(clips, row)
            for name, side in sides.items():
                apart = np.linalg.norm(side(first, second) - true, axis=-1)
                error[name].append((apart.mean(), apart[moves].mean() if moves.any() else np.nan))
                bar.advance(more=name)
    return {"clips": len(clips), "moving_clips": int(np.isfinite(np.array(error["zero"])[:, 1]).sum()),
            "error": {name: {"all": float(np.mean(values, 0)[0]), "moving": float(np.nanmean(values, 0)[1])}
                      for name, values in error.items()}}


def grey(frame: np.ndarray) -> np.ndarray:
    """A stored frame, (H, W, 3) uint8, as (H, W) uint8."""
    return np.round(255 * np.asarray(luma(jnp.asarray(frame, jnp.float32) / 255))).astype(np.uint8)


def face_moves(clips: Clips, row: int) -> np.ndarray:
    """(H, W) bool: where the face itself moves from onset to apex."""
    flow, landmarks = jnp.asarray(clips.true_flow[row]), jnp.asarray(clips.landmarks[row])
    return np.asarray(moving(aligned(flow, nose_box(landmarks, *flow.shape[:2])), pupil_distance(landmarks)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--synthme", type=int, default=12, metavar="N", help="clips; 0: none (default: %(default)s)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.pairs)
    if arguments.synthme > 0:
        found["synthme"] = on_synthme(arguments.synthme)
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"{'':10} {'CPU s a pair':>12} {'ratio':>6} {'error':>7} {'moving':>7} {'to OpenCV':>9} {'over the floor':>14}")
    for name, spent in found["cpu_seconds"].items():
        ours = name in FORMS
        ratio, gap = (found["cpu_seconds"]["opencv"] / spent, found["gap_to_floor"][name]) if ours else (1.0, None)
        away = f"{found['distance_to_opencv'][name]:9.4f}" if ours else " " * 9
        print(f"{name:10} {spent:12.3f} {ratio:6.1f} {found['error'][name]['all']:7.3f} {found['error'][name]['moving']:7.3f} "
              f"{away} {f'{gap:13.1f}x' if ours else ''}")
    if "synthme" in found:
        print(f"\nagainst the true flow of {found['synthme']['clips']} clips of synthme/full_size, pixels")
        print(f"{'':12} {'error':>7} {'moving':>7}")
        for name, error in found["synthme"]["error"].items():
            print(f"{name:12} {error['all']:7.3f} {error['moving']:7.3f}")


if __name__ == "__main__":
    main()
