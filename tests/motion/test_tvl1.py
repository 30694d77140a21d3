"""TV-L1: the flow of a moved picture is its motion; against OpenCV's and scikit-image's own."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.motion.tvl1 import FAITHFUL, FAST, divergence, forward_differences, sizes, tvl1
from mer_jax.motion.warping import look_up

FORMS = {"faithful": FAITHFUL, "fast": FAST}


@pytest.fixture(scope="module")
def flow_of():
    """Each form, compiled once a size."""
    return {name: jax.jit(functools.partial(tvl1, settings=settings)) for name, settings in FORMS.items()}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shift", [(1, 0), (0, -1), (2, 1), (-3, 2)])
def test_the_flow_of_a_shifted_picture_is_the_shift(flow_of, texture, form, shift):
    large = texture(84, 92)
    first, second = large[8:-8, 8:-8], large[8 - shift[1] : 76 - shift[1], 8 - shift[0] : 84 - shift[0]]
    inside = np.asarray(flow_of[form](first, second))[10:-10, 10:-10]
    np.testing.assert_allclose(np.median(inside, axis=(0, 1)), shift, atol=0.05)
    assert np.abs(inside - np.array(shift)).mean() < 0.1


@pytest.mark.parametrize("form", FORMS)
def test_where_nothing_moves_the_flow_is_zero_and_batches_are_alone(flow_of, texture, form):
    first, second = texture(68, 76), np.roll(texture(68, 76), 1, axis=1)
    assert (np.asarray(flow_of[form](first, first)) == 0).all()
    assert (np.asarray(flow_of[form](np.zeros((68, 76), np.float32), np.full((68, 76), 0.5, np.float32))) == 0).all()
    together = flow_of[form](np.stack([first, second, first]), np.stack([second, first, first]))
    for row, pair in enumerate([(first, second), (second, first)]):
        apart = np.abs(together[row] - flow_of[form](*pair))                  # roundings that a threshold makes more of
        assert apart.mean() < 1e-4 and apart.max() < 0.02


def test_it_can_be_differentiated(texture):
    first = jnp.asarray(texture(24, 24))
    gradient = jax.grad(lambda second: tvl1(first, second, FAST).sum())(first)
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


def test_differences_and_divergence_are_adjoint():
    rng = np.random.default_rng(0)
    u, px, py = (jnp.asarray(rng.normal(size=(1, 7, 9)), jnp.float32) for _ in range(3))
    px, py = px.at[:, :, -1].set(0), py.at[:, -1].set(0)
    ux, uy = forward_differences(u)
    np.testing.assert_allclose((ux * px + uy * py).sum(), -(u * divergence(px, py)).sum(), rtol=1e-4)


def test_no_scale_is_too_small():
    assert sizes(340, 280, FAITHFUL) == [(340, 280), (272, 224), (218, 179), (174, 143), (139, 115)]
    assert sizes(28, 28, FAST) == [(28, 28)] and sizes(12, 40, FAITHFUL) == [(12, 40)]


@pytest.mark.parametrize("form", FORMS)
def test_against_opencv_on_a_moved_face(flow_of, form, moved_face, errors):
    cv2 = pytest.importorskip("cv2")
    first, second, true = moved_face
    peer = cv2.optflow.DualTVL1OpticalFlow_create().calc(first, second, None)
    ours = np.asarray(flow_of[form](first / np.float32(255), second / np.float32(255)))
    still = errors(np.zeros_like(true), true)
    theirs, found = errors(peer, true), errors(ours, true)
    assert found[1] <= theirs[1] < 0.5 * still[1], (found, theirs, still)
    if form == "faithful":
        assert np.linalg.norm(ours - peer, axis=-1).mean() <= 0.02 and found[0] <= theirs[0] * 1.05


def test_against_scikit_image(flow_of, moved_face, errors):
    """A second witness, of other settings: closer to ours than no motion is."""
    registration = pytest.importorskip("skimage.registration")
    first, second, _ = (part[100:228, 80:208] for part in moved_face)
    down, right = registration.optical_flow_tvl1(first / 255.0, second / 255.0)
    peer = np.stack([right, down], -1)
    ours = np.asarray(flow_of["faithful"](first / np.float32(255), second / np.float32(255)))
    assert errors(ours, peer)[1] < 0.5 * errors(np.zeros_like(peer), peer)[1]


def test_looking_up_equals_opencv_and_whole_shifts_are_exact(texture, bumps):
    image, flow = texture(40, 50), bumps(40, 50, 3.3)
    whole = look_up(jnp.asarray(image)[None, ..., None], jnp.full((1, 40, 50, 2), 2.0), "cubic")[0, :, :, 0]
    np.testing.assert_allclose(whole[:-2, :-2], image[2:, 2:], atol=1e-6)
    cv2 = pytest.importorskip("cv2")
    y, x = np.mgrid[:40, :50].astype(np.float32)
    for name, flag in (("linear", cv2.INTER_LINEAR), ("cubic", cv2.INTER_CUBIC)):
        peer = cv2.remap(image, x + flow[..., 0], y + flow[..., 1], flag, borderMode=cv2.BORDER_REPLICATE)
        ours = look_up(jnp.asarray(image)[None, ..., None], jnp.asarray(flow)[None], name)[0, ..., 0]
        np.testing.assert_allclose(ours, peer, atol=0.004)                         # OpenCV looks up on a grid of 1/32 pixel
