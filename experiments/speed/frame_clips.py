"""Random clips of native frames, of noise: no pixel's value changes what a step costs."""

import numpy as np

from mer_jax.data.clips import Clips, clips_of

CLASSES = ("negative", "positive", "surprise")


def random_frames(count: int, size: int, subjects: int = 4, length: int = 15) -> Clips:
    """Clips of `length` frames of size x size at 200 a second."""
    rng = np.random.default_rng(0)
    keys = [("random", f"s{c % subjects}", f"c{c}") for c in range(count)]
    marks = {name: np.full(count, value, np.int32) for name, value in
             (("length", length), ("onset", 0), ("apex", length // 2), ("offset", length - 1))}
    return clips_of(keys, [CLASSES[c % 3] for c in range(count)], CLASSES, fps=np.full(count, 200, np.float32),
                    frames=rng.integers(0, 256, (count, length, size, size, 3), dtype=np.uint8), **marks)
