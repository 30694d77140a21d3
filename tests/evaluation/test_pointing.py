"""The pointing game against closed forms, and the maps that are played with."""

import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.evaluation.pointing import IN_ITS_PLACE, pointed, pointing
from mer_jax.models.looking import place_maps
from mer_jax.models.network import Output


@pytest.fixture
def flow() -> np.ndarray:
    """Four pictures of 8 x 8: a quarter moves to the left, and elsewhere less than half as much; in the last nothing does."""
    flow = np.zeros((4, 8, 8, 2), np.float32)
    flow[..., 1] = 0.2
    flow[:, :4, :4, 0] = -0.7
    flow[3] = 0
    return flow


def test_a_map_on_the_moving_quarter_has_four_times_the_share_and_one_alike_everywhere_its_own(flow):
    maps = np.ones((4, 8, 8), np.float32)
    maps[1, 4:] = maps[1, :, 4:] = 0
    maps[2, :4, :4] = 0
    np.testing.assert_allclose(pointed(maps, flow), [1, 4, 0, np.nan], rtol=1e-5)
    small = np.array([[[1.0, 1.0], [1.0, 1.0]]], np.float32)
    np.testing.assert_allclose(pointed(small, flow[:1]), [1], rtol=1e-5)
    assert np.isnan(pointed(np.full((1, 8, 8), np.nan, np.float32), flow[:1])).all()


def test_scores_are_over_people_and_there_are_none_without_a_true_flow(clips):
    maps = {"cam": np.ones((24, 4, 4), np.float32)}
    assert pointing(maps, clips) == {}
    flow = np.zeros((24, 8, 8, 2), np.float32)
    flow[:, 2:6, 2:6] = 1
    mean, (low, high) = pointing(maps, clips.replace(true_flow=flow))["cam"]
    assert low == pytest.approx(1) and mean == pytest.approx(1) and high == pytest.approx(1)
    assert pointing({"cam": np.full((24, 4, 4), np.nan, np.float32)}, clips.replace(true_flow=flow)) == {}


def test_the_mean_of_all_clips_in_its_place_says_whether_a_map_is_the_clip_s_own(clips):
    """Each clip moves in its class's third and is looked at there; the mean of all has there what its class is of them."""
    label, flow, maps = np.asarray(clips.label), np.zeros((24, 9, 9, 2), np.float32), np.zeros((24, 9, 9), np.float32)
    for row, number in enumerate(label):
        flow[row, 3 * number : 3 * number + 3, :, 0] = maps[row, 3 * number : 3 * number + 3] = 1
    found, share = pointing({"cam": maps}, clips.replace(true_flow=flow)), np.bincount(label) / 24
    assert found["cam"][0] == pytest.approx(3) and found["cam" + IN_ITS_PLACE][0] == pytest.approx(3 * np.square(share).sum())


def test_each_kind_of_attention_becomes_shares_of_places():
    rng = np.random.default_rng(0)
    region, beta = rng.random((2, 3, 4, 5, 5)), rng.random((2, 3))
    gates, places = rng.random((2, 6, 7, 7)), rng.random((2, 4, 9, 9))
    coupling, logits = rng.random((2, 3, 6, 6)), np.array([[0.0, 1.0, 2.0], [5.0, 1.0, 2.0]])
    attention = {"coupling": coupling, "channel": np.ones((2, 8)),
                 "region": region, "spatial": gates[:, 0], "self": gates, "places": places}
    found = place_maps(Output(logits, {name: jnp.asarray(values) for name, values in attention.items()},
                              {"beta": jnp.asarray(beta)}))
    wanted = {"region attention": sum(beta[:, t, None, None] * region[:, t].mean(1) for t in range(3)),
              "spatial attention": gates[:, 0], "self-attention of maps": gates.mean(1),
              "self-attention of places": places.mean((1, 2)).reshape(2, 3, 3),
              "coupling to the answer": np.pad([coupling[0, 2], coupling[1, 0]], ((0, 0), (4, 4), (4, 4)))}
    assert set(found) == set(wanted)
    for kind, maps in wanted.items():
        np.testing.assert_allclose(found[kind], maps / maps.sum((1, 2), keepdims=True), rtol=1e-5)
