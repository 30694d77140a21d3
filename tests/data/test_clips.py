"""Taking some of the clips: what is taken stays what it was, and nothing of the others stays."""

import jax
import numpy as np
import pytest

from mer_jax.data.clips import clips_of, content_digests
from mer_jax.mistakes import UserMistake


def described(clips) -> list[tuple]:
    return [(key, clips.subjects[s], clips.datasets[d], clips.classes[c], image.tobytes()) for key, s, d, c, image in zip(
        clips.ids, clips.subject, clips.dataset, clips.label, np.asarray(clips.flow), strict=True)]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_taken_keeps_its_names_and_pixels(seed, clips):
    rows = np.random.default_rng(seed).permutation(len(clips))[:1 + 5 * seed]
    part = clips.take(rows)
    assert described(part) == [described(clips)[row] for row in rows]
    assert part.classes == clips.classes and part.flow_coding == clips.flow_coding
    assert part.subjects == tuple(sorted({clips.subjects[s] for s in clips.subject[rows]}))
    assert part.datasets == tuple(sorted({clips.datasets[d] for d in clips.dataset[rows]}))


def test_a_mask_takes_what_its_indices_take(clips):
    mask = clips.dataset == 1
    masked, indexed = clips.take(mask), clips.take(np.flatnonzero(mask).tolist())
    assert masked.datasets == ("smic",) and described(masked) == described(indexed)
    assert all(a.dtype == b.dtype for a, b in zip(jax.tree.leaves(masked), jax.tree.leaves(clips), strict=True))
    assert described(jax.tree.map(jax.numpy.asarray, clips).take(mask)) == described(masked)


@pytest.mark.parametrize("rows", [[], [0, 0], np.zeros(24, bool), [3, -21]])
def test_nothing_and_a_clip_twice_are_refused(rows, clips):
    with pytest.raises(UserMistake, match="at least one, each once"):
        clips.take(rows)
    with pytest.raises(IndexError):
        clips.take([24])


def test_clips_are_shown_in_one_line():
    """What a notebook shows: what there is, and not the numbers."""
    names, flow = [("made", "s1", "c1"), ("made", "s2", "c1")], np.zeros((2, 28, 28, 3), np.uint8)
    clips = clips_of(names, ["a", "b"], ("a", "b"), flow=flow, flow_coding="minmax8")
    assert repr(clips) == ("Clips(2 clips of 2 subjects of made; classes a, b; label int32[2], subject int32[2], "
                           "dataset int32[2], flow uint8[2, 28, 28, 3] (minmax8))")


def test_a_clip_is_the_same_clip_in_a_longer_set_and_with_flow_beside_it(moving_clips):
    """Frames behind a clip's length are padding, as long as the longest clip of the set wants."""
    digests = content_digests(moving_clips)
    longer = np.pad(np.asarray(moving_clips.frames), ((0, 0), (0, 4), (0, 0), (0, 0), (0, 0)), constant_values=7)
    assert content_digests(moving_clips.replace(frames=longer)) == digests and len(set(digests)) == len(moving_clips)
    flow = np.zeros((len(moving_clips), 28, 28, 3), np.uint8)
    assert content_digests(moving_clips.replace(flow=flow, flow_coding="minmax8")) == digests
    other = np.asarray(moving_clips.frames).copy()
    other[2, 3, 0, 0, 0] ^= 1
    again = content_digests(moving_clips.replace(frames=other))
    assert [row for row in range(len(digests)) if digests[row] != again[row]] == [2]
