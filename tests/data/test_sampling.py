"""Instants and windows: the marks are always among them, order never turns, no frame outside of the clip."""

import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.data.sampling import instants, sample, window_of, windows


def marks(*rows):
    return (jnp.array(column, jnp.int32) for column in zip(*rows, strict=True))


@pytest.mark.parametrize("count", [3, 5, 8, 10])
def test_onset_apex_and_offset_are_kept_and_time_never_turns(count):
    onset, apex, offset = marks((6, 30, 70), (0, 1, 2), (4, 4, 4), (3, 3, 40), (3, 40, 40))
    found = np.asarray(instants(onset, apex, offset, count))
    assert found.shape == (5, count)
    np.testing.assert_array_equal(found[:, 0], onset)
    np.testing.assert_array_equal(found[:, count // 2], apex)
    np.testing.assert_array_equal(found[:, -1], offset)
    assert (np.diff(found, axis=1) >= 0).all()


def test_one_instant_is_the_apex_and_two_are_onset_and_apex():
    onset, apex, offset = marks((6, 30, 70))
    assert instants(onset, apex, offset, 1).tolist() == [[30]]
    assert instants(onset, apex, offset, 2).tolist() == [[6, 30]]


def test_an_unknown_apex_is_the_middle():
    onset, apex, offset = marks((10, -1, 50), (0, -1, 7))
    assert instants(onset, apex, offset, 3)[:, 1].tolist() == [30, 3]


def test_windows_are_consecutive_around_the_instant_and_slide_inside_at_the_ends():
    moments = jnp.array([[0, 1, 30, 78, 79], [0, 1, 1, 2, 2]])
    found = np.asarray(windows(moments, jnp.array([80, 3]), 5))
    assert found[0].tolist() == [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [28, 29, 30, 31, 32], [75, 76, 77, 78, 79],
                                 [75, 76, 77, 78, 79]]
    assert set(found[1].ravel()) == {0, 1, 2} and (np.diff(found[1], axis=-1) >= 0).all()
    np.testing.assert_array_equal(windows(moments, jnp.array([80, 3]), 1)[..., 0], moments)


def test_sampling_reads_the_rows_and_frames_it_is_told():
    frames = jnp.arange(4 * 6, dtype=jnp.uint8).reshape(4, 6, 1, 1, 1)
    at = jnp.array([[[0, 1], [4, 5]], [[2, 3], [3, 4]]])
    assert sample(frames, jnp.array([3, 1]), at)[..., 0, 0, 0].tolist() == [[[18, 19], [22, 23]], [[8, 9], [9, 10]]]


def test_only_fast_cameras_have_windows():
    assert [window_of(np.array(rates)) for rates in ([200.0, 100.0], [200.0, 30.0], [np.nan])] == [5, 1, 1]
