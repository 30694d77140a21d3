"""Strains and what is stacked with them: closed forms on linear flows, the edges by their definitions, finite gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.motion.flow_features import THIRD_CHANNELS, minmax8, three_channels

STRAINS = [name for name in THIRD_CHANNELS if name != "lrcn"]
CLOSED = {                                                    # of u = a x + b y, v = c x + d y
    "ststnet": lambda a, b, c, d: np.sqrt(a**2 + d**2 + (b + c) ** 2 / 2),
    "softnet": lambda a, b, c, d: np.sqrt(a**2 + d**2 + (b + c) ** 2 / 2),
    "mean": lambda a, b, c, d: np.sqrt(a**2 + d**2 + (b + c) ** 2 / 2),
    "offtanet": lambda a, b, c, d: 8 * np.sqrt(a**2 + b**2 + (b + c) ** 2 / 2),
    "meb": lambda a, b, c, d: 8 * np.sqrt(b**2 + c**2 + (a**2 + d**2) / 2),
    "ststnet_issue8": lambda a, b, c, d: np.sqrt(b**2 + c**2 + (a + d) ** 2 / 4),
}


def linear_flow(a: float, b: float, c: float, d: float, u: float = 0.4, v: float = -0.7) -> jnp.ndarray:
    y, x = np.mgrid[:9, :11]
    return jnp.asarray(np.stack([u + a * x + b * y, v + c * x + d * y], -1), jnp.float32)


@pytest.fixture(scope="module")
def flow() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(9, 11, 2)).astype(np.float32)


@pytest.mark.parametrize("name", STRAINS)
@pytest.mark.parametrize("gradient", [(0, 0, 0, 0), (0.1, 0, 0, 0), (0.1, 0, 0, -0.3), (0, 0.2, 0, 0), (0.1, 0.2, -0.3, 0.05)])
def test_a_linear_flow_has_the_closed_form_inside(name, gradient):
    found = np.asarray(THIRD_CHANNELS[name](linear_flow(*gradient)))[1:-1, 1:-1]
    np.testing.assert_allclose(found, CLOSED[name](*gradient), atol=2e-5)


@pytest.mark.parametrize("name", STRAINS)
def test_a_small_turn_has_no_strain_but_in_the_recipes_that_say_so(name):
    found = np.asarray(THIRD_CHANNELS[name](linear_flow(0, -0.2, 0.2, 0)))[1:-1, 1:-1]
    assert (found < 1e-4).all() if name in ("ststnet", "softnet", "mean") else (found > 0.1).all()


def test_a_stretch_is_seen_at_the_edges_too():
    np.testing.assert_allclose(THIRD_CHANNELS["ststnet"](linear_flow(0, 0, 0, 1)), 1, rtol=1e-5)


def test_one_sided_strains_are_their_definitions_up_to_the_edges(flow):
    height, width, _ = flow.shape
    forward, backward = np.zeros((height, width)), np.zeros((height, width))
    none = np.zeros(2)
    for y in range(height):
        for x in range(width):
            i, j = min(y, height - 2), min(x, width - 2)                              # filled from the one beside
            (ux, vx), (uy, vy) = flow[i, j] - flow[i, j + 1], flow[i, j] - flow[i + 1, j]
            forward[y, x] = np.sqrt(ux**2 + vy**2 + (uy + vx) ** 2 / 2)
            ux, vx = flow[y, x] - flow[y, x - 1] if x else none
            uy, vy = flow[y, x] - flow[y - 1, x] if y else none
            backward[y, x] = np.sqrt(ux**2 + vy**2 + (uy + vx) ** 2 / 2)
    np.testing.assert_allclose(THIRD_CHANNELS["softnet"](jnp.asarray(flow)), forward, atol=1e-5)
    np.testing.assert_allclose(THIRD_CHANNELS["mean"](jnp.asarray(flow)), backward, atol=1e-5)


def test_sobels_are_opencvs_and_scipys(flow):
    cv2, ndimage = pytest.importorskip("cv2"), pytest.importorskip("scipy.ndimage")
    u, v = flow[..., 0], flow[..., 1]
    ux, uy, vx = cv2.Sobel(u, cv2.CV_32F, 1, 0), cv2.Sobel(u, cv2.CV_32F, 0, 1), cv2.Sobel(v, cv2.CV_32F, 1, 0)
    wanted = np.sqrt(ux**2 + uy**2 + (uy + vx) ** 2 / 2)
    np.testing.assert_allclose(THIRD_CHANNELS["offtanet"](jnp.asarray(flow)), wanted, atol=1e-4)
    (uy, ux), (vy, vx) = ([ndimage.sobel(part, axis=axis, mode="constant") for axis in (0, 1)] for part in (u, v))
    wanted = np.sqrt(uy**2 + vx**2 + (ux**2 + vy**2) / 2)
    np.testing.assert_allclose(THIRD_CHANNELS["meb"](jnp.asarray(flow)), wanted, atol=1e-4)


@pytest.mark.parametrize("name", THIRD_CHANNELS)
def test_every_source_keeps_the_flow_and_has_a_finite_gradient_where_nothing_moves(name, flow):
    image = three_channels(jnp.asarray(flow)[None], name)
    np.testing.assert_array_equal(image[0, ..., :2], flow)
    assert image.shape == (1, 9, 11, 3) and (np.asarray(image)[..., 2] >= 0).all()
    gradient = jax.grad(lambda f: three_channels(f, name).sum())(jnp.zeros((9, 11, 2)))
    assert np.isfinite(gradient).all()


def test_the_magnitude_is_the_length_and_the_default_is_the_strain(flow):
    length = three_channels(jnp.asarray(flow), "lrcn")[..., 2]
    np.testing.assert_allclose(length, np.linalg.norm(flow, axis=-1), rtol=1e-5)
    np.testing.assert_array_equal(three_channels(jnp.asarray(flow))[..., 2], THIRD_CHANNELS["ststnet"](jnp.asarray(flow)))
    assert (np.asarray(minmax8(jnp.asarray(flow), "lrcn"))[..., :2] == np.asarray(minmax8(jnp.asarray(flow)))[..., :2]).all()
