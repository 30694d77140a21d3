"""Clips: a whole data set of micro-expressions as one pytree of arrays, put on the device once and indexed there.

Conventions, said once for the whole library: images are NHWC, clips NTHWC; values are sRGB in [0, 1] or uint8 in
0..255; flow is in pixels, x to the right, then y down; a subject is keyed `dataset/subject`, a clip
`dataset/subject/clip`.
"""

import hashlib

import flax.struct
import jax
import numpy as np

from mer_jax.mistakes import UserMistake

FLOW_CODINGS = ("pixels", "minmax8")


@flax.struct.dataclass
class Clips:
    """N clips of S subjects from D databases.

    label, subject, dataset: (N,) int32, indices into `classes`, `subjects` and `datasets`.
    flow: (N, H, W, 3), horizontal and vertical flow and optical strain, onset to apex; None if the data have none.
        `flow_coding` says in what unit: "pixels" (float32), or "minmax8" (uint8; each channel of each image stretched
        to 0..255, as peers store it, so that zero motion has no fixed value).
    frames: (N, L, H, W, C) uint8 at the native rate, padded with zeros behind `length`; None if there are none.
    length: (N,) int32 frames; fps: (N,) float32, nan where unknown.
    onset, apex, offset: (N,) int32 indices into L, -1 where unknown.
    true_flow: (N, H, W, 2) float32 pixels, onset to apex, known of rendered clips only; no network reads it. pixel_flow: the
        same with the motion of the head.
    landmarks: (N, 68, 2) float32 pixels (x, y) in the onset frame, in the order of iBUG 300-W; None where not known.
    """

    label: jax.Array | np.ndarray
    subject: jax.Array | np.ndarray
    dataset: jax.Array | np.ndarray
    flow: jax.Array | np.ndarray | None = None
    frames: jax.Array | np.ndarray | None = None
    length: jax.Array | np.ndarray | None = None
    fps: jax.Array | np.ndarray | None = None
    onset: jax.Array | np.ndarray | None = None
    apex: jax.Array | np.ndarray | None = None
    offset: jax.Array | np.ndarray | None = None
    true_flow: jax.Array | np.ndarray | None = None
    pixel_flow: jax.Array | np.ndarray | None = None
    landmarks: jax.Array | np.ndarray | None = None
    ids: tuple[str, ...] = flax.struct.field(pytree_node=False, default=())
    classes: tuple[str, ...] = flax.struct.field(pytree_node=False, default=())
    subjects: tuple[str, ...] = flax.struct.field(pytree_node=False, default=())
    datasets: tuple[str, ...] = flax.struct.field(pytree_node=False, default=())
    flow_coding: str | None = flax.struct.field(pytree_node=False, default=None)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        """What there is, without the numbers."""
        leaves = {name: getattr(self, name) for name in self.__dataclass_fields__ if hasattr(getattr(self, name), "dtype")}
        arrays = ", ".join(f"{name} {leaf.dtype}{list(leaf.shape)}" for name, leaf in leaves.items())
        return (f"Clips({len(self)} clips of {len(self.subjects)} subjects of {', '.join(self.datasets)}; classes "
                f"{', '.join(self.classes)}; {arrays}{f' ({self.flow_coding})' if self.flow_coding else ''})")

    def inputs(self) -> dict[str, jax.Array | np.ndarray]:
        """What a network may ask for, by name. Labels, subjects and databases are not among it, on purpose."""
        named = {name: getattr(self, name) for name in ("flow", "frames", "length", "fps", "onset", "apex", "offset")}
        return {name: value for name, value in named.items() if value is not None}

    def take(self, rows: np.ndarray | list[int]) -> "Clips":
        """The clips of a mask (N,) bool or of indices, in their order: `clips.take(clips.fps > 100)`.

        Subjects and databases without a clip are dropped and the others numbered anew; the classes stay as they are.
        Raises UserMistake where nothing is taken, or a clip twice; IndexError where there is no such row.
        """
        chosen = np.arange(len(self))[np.asarray(rows) if len(rows) else []]
        if chosen.ndim != 1 or not len(chosen) or len(np.unique(chosen)) < len(chosen):
            raise UserMistake(f"rows of {chosen.size} clips were asked for, {len(np.unique(chosen))} different ones; "
                              "wanted a list of at least one, each once")
        part = jax.tree.map(lambda leaf: leaf[chosen], self)
        subjects, subject = np.unique(np.asarray(part.subject), return_inverse=True)
        datasets, dataset = np.unique(np.asarray(part.dataset), return_inverse=True)
        return part.replace(subject=subject.astype(np.int32), dataset=dataset.astype(np.int32),
                            ids=tuple(self.ids[row] for row in chosen),
                            subjects=tuple(self.subjects[s] for s in subjects),
                            datasets=tuple(self.datasets[d] for d in datasets))


def clips_of(ids: list[tuple[str, str, str]], emotions: list[str], classes: tuple[str, ...], **arrays) -> Clips:
    """Clips from (dataset, subject, clip) and emotion names; subjects and databases are numbered in sorted order."""
    datasets = tuple(sorted({dataset for dataset, _, _ in ids}))
    subjects = tuple(sorted({f"{dataset}/{subject}" for dataset, subject, _ in ids}))
    return Clips(
        label=np.array([classes.index(emotion) for emotion in emotions], np.int32),
        subject=np.array([subjects.index(f"{dataset}/{subject}") for dataset, subject, _ in ids], np.int32),
        dataset=np.array([datasets.index(dataset) for dataset, _, _ in ids], np.int32),
        ids=tuple("/".join(key) for key in ids),
        classes=tuple(classes),
        subjects=subjects,
        datasets=datasets,
        **arrays,
    )


def content_digests(clips: Clips) -> list[str]:
    """One digest of the pixels of each clip: equal for two clips exactly when their frames are equal, however long the longest
    clip of their set is and whatever else is stored beside; of clips without frames, when their flow is."""
    if clips.frames is None:
        return [hashlib.sha256(np.ascontiguousarray(flow).tobytes()).hexdigest() for flow in np.asarray(clips.flow)]
    return [hashlib.sha256(np.ascontiguousarray(frames[:length]).tobytes()).hexdigest()
            for frames, length in zip(np.asarray(clips.frames), np.asarray(clips.length), strict=True)]


def data_digest(clips: Clips) -> str:
    """sha256 of everything a result can depend on: keys, labels, classes, pixels, frame marks. Order matters."""
    digest = hashlib.sha256(repr((clips.ids, clips.classes, clips.flow_coding)).encode())
    for leaf in jax.tree.leaves(clips):
        array = np.ascontiguousarray(leaf)
        digest.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()
