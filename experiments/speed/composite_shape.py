"""Random clips in the shape of MEGC2019's composite: 442 flow images of 28x28x3 of 68 subjects, in its classes."""

import numpy as np

from mer_jax.data.clips import Clips, clips_of

CLASSES = ("negative", "positive", "surprise")
# Clips of each class, and of each subject. SAMM's are not in a list that we have: 133 clips dealt out evenly to 28 subjects.
CLIPS_OF_CLASSES = {"casme2": (88, 32, 25), "samm": (92, 26, 15), "smic": (70, 51, 43)}
CLIPS_OF_SUBJECTS = {
    "casme2": (3, 9, 5, 2, 6, 4, 5, 1, 10, 4, 11, 2, 3, 3, 3, 31, 11, 2, 1, 2, 8, 3, 5, 11),
    "samm": (5,) * 21 + (4,) * 7,
    "smic": (6, 6, 39, 19, 2, 4, 13, 4, 7, 9, 10, 10, 4, 7, 2, 22),
}


def composite_clips(seed: int = 0) -> Clips:
    """The pixels and the order of the labels are random."""
    rng, keys, emotions = np.random.default_rng(seed), [], []
    for dataset, counts in CLIPS_OF_SUBJECTS.items():
        keys += [(dataset, f"s{s:02d}", f"c{c}") for s, count in enumerate(counts) for c in range(count)]
        emotions += list(rng.permutation(np.repeat(CLASSES, CLIPS_OF_CLASSES[dataset])))
    flow = rng.integers(0, 256, (len(keys), 28, 28, 3), dtype=np.uint8)
    return clips_of(keys, emotions, CLASSES, flow=flow, flow_coding="minmax8")
