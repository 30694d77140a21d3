"""What networks read of a flow field: the horizontal and vertical motion and a third picture made of them, as one image."""

import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8


def strain(flow: Float[Array, "*n height width 2"]) -> Float[Array, "*n height width"]:
    """Optical strain sqrt(u_x^2 + v_y^2 + (u_y + v_x)^2 / 2) by central differences, one-sided at the edges.

    Shreve et al., FG 2011, eq. 5; the form of STSTNet, eq. 7, whose print repeats u_x in the shear. The gradient is
    finite at zero flow, here and of every other form below.
    """
    (u_y, u_x), (v_y, v_x) = (jnp.gradient(flow[..., c], axis=(-2, -1)) for c in (0, 1))
    return root(u_x**2 + v_y**2 + 0.5 * (u_y + v_x) ** 2)


def forward_strain(flow: Float[Array, "*n height width 2"]) -> Float[Array, "*n height width"]:
    """The same by forward differences, the last column and row filled from those beside them: of SOFTNet (Liong et al.,
    2021), whose lines many of its successors use. Half a pixel up and left of `strain`."""
    here, right, down = flow[..., :-1, :-1, :], flow[..., :-1, 1:, :], flow[..., 1:, :-1, :]
    inside = from_differences(right - here, down - here)
    return jnp.pad(inside, [(0, 0)] * (inside.ndim - 2) + [(0, 1), (0, 1)], mode="edge")


def backward_strain(flow: Float[Array, "*n height width 2"]) -> Float[Array, "*n height width"]:
    """The same by backward differences, zero where there is nothing before: of MEAN (Liong et al., 2022). Half a pixel down
    and right of `strain`."""
    return from_differences(jnp.diff(flow, axis=-2, prepend=flow[..., :1, :]),
                            jnp.diff(flow, axis=-3, prepend=flow[..., :1, :, :]))


def from_differences(d_x: Float[Array, "*n height width 2"],
                     d_y: Float[Array, "*n height width 2"]) -> Float[Array, "*n height width"]:
    """The formula of `strain` from the differences of (u, v) along x and along y."""
    return root(d_x[..., 0] ** 2 + d_y[..., 1] ** 2 + 0.5 * (d_y[..., 0] + d_x[..., 1]) ** 2)


def offtanet_strain(flow: Float[Array, "*n height width 2"]) -> Float[Array, "*n height width"]:
    """sqrt(u_x^2 + u_y^2 + (u_y + v_x)^2 / 2) with Sobel's derivatives, eight times as large: Off-TANet's (PRICAI 2021), in
    whose released code u_y stands for v_y, so that a stretch up and down is not seen and a turn is."""
    (u_y, u_x), (_, v_x) = (sobel(flow[..., c], "reflect") for c in (0, 1))
    return root(u_x**2 + u_y**2 + 0.5 * (u_y + v_x) ** 2)


def meb_strain(flow: Float[Array, "*n height width 2"]) -> Float[Array, "*n height width"]:
    """sqrt(u_y^2 + v_x^2 + (u_x^2 + v_y^2) / 2) with Sobel's derivatives, eight times as large, zeros outside: that of the
    benchmark meb (Varanka et al.), in whose code x runs down and the shears are squared alone, so that a turn is seen."""
    (u_y, u_x), (v_y, v_x) = (sobel(flow[..., c], "constant") for c in (0, 1))
    return root(u_y**2 + v_x**2 + 0.5 * (u_x**2 + v_y**2))


def quarter_strain(flow: Float[Array, "*n height width 2"]) -> Float[Array, "*n height width"]:
    """sqrt(u_y^2 + v_x^2 + (u_x + v_y)^2 / 4) by central differences: the recipe that is passed on in STSTNet's issue 8, in
    which x runs down too, so that a turn is seen."""
    (u_y, u_x), (v_y, v_x) = (jnp.gradient(flow[..., c], axis=(-2, -1)) for c in (0, 1))
    return root(u_y**2 + v_x**2 + 0.25 * (u_x + v_y) ** 2)


def magnitude(flow: Float[Array, "*n height width 2"]) -> Float[Array, "*n height width"]:
    """Length of the motion in pixels: the third channel of flow images before strain (LRCN, Donahue et al., CVPR 2015)."""
    return root(jnp.square(flow).sum(-1))


THIRD_CHANNELS = {"ststnet": strain, "softnet": forward_strain, "mean": backward_strain, "offtanet": offtanet_strain,
                  "meb": meb_strain, "ststnet_issue8": quarter_strain, "lrcn": magnitude}


def three_channels(flow: Float[Array, "*n height width 2"], source: str = "ststnet") -> Float[Array, "*n height width 3"]:
    """(u, v, third), the third as a source of THIRD_CHANNELS has it; in the flow's own unit."""
    return jnp.concatenate([flow, THIRD_CHANNELS[source](flow)[..., None]], -1)


def minmax8(flow: Float[Array, "height width 2"], source: str = "ststnet") -> UInt8[Array, "height width 3"]:
    """`three_channels`, each stretched to 0..255 by its own smallest and largest value, as peers store flow."""
    return stretched(three_channels(flow, source))


def stretched(image: Float[Array, "height width channels"]) -> UInt8[Array, "height width channels"]:
    """Each channel from its smallest value, 0, to its largest, 255."""
    low, high = image.min((0, 1)), image.max((0, 1))
    return jnp.round(255 * (image - low) / jnp.maximum(high - low, 1e-6)).astype(jnp.uint8)


def root(squares: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """The square root, with a finite gradient at zero."""
    return jnp.sqrt(squares + 1e-12)


def sobel(x: Float[Array, "*n height width"],
          outside: str) -> tuple[Float[Array, "*n height width"], Float[Array, "*n height width"]]:
    """(d/dy, d/dx) by Sobel's 3 x 3 sums, of which a slope of 1 gives 8; outside: how `jnp.pad` fills what is not there."""
    wide = jnp.pad(x, [(0, 0)] * (x.ndim - 2) + [(1, 1), (1, 1)], mode=outside)
    rows = wide[..., :-2, :] + 2 * wide[..., 1:-1, :] + wide[..., 2:, :]
    columns = wide[..., :-2] + 2 * wide[..., 1:-1] + wide[..., 2:]
    return columns[..., 2:, :] - columns[..., :-2, :], rows[..., 2:] - rows[..., :-2]
