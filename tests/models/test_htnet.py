"""HTNet: where its areas lie, which of its levels attend, and how far."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.faces.alignment import template
from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.models.blocks.regions import eyes_and_lips
from mer_jax.models.looking import place_maps
from mer_jax.models.network import Output


@pytest.mark.parametrize("side", [28, 64])
def test_each_quarter_has_its_anchor_in_the_middle_and_the_mirrored_face_the_mirrored_quarters(side):
    x, half = np.zeros((1, side, side, 4), np.float32), side // 2
    for channel, (column, row) in enumerate(np.rint(template(side)[[0, 1, 3, 4]]).astype(int)):
        x[0, row, column, channel] = 1
    found = np.asarray(eyes_and_lips(jnp.asarray(x)))[0]
    for channel, (top, left) in enumerate(((0, 0), (0, half), (half, 0), (half, half))):
        row, column = np.argwhere(found[top : top + half, left : left + half, channel])[0]
        assert abs(row - (half - 1) / 2) <= 1 and abs(column - (half - 1) / 2) <= 1
    picture = jax.random.normal(jax.random.key(0), (2, side, side, 3))
    np.testing.assert_array_equal(eyes_and_lips(picture[:, :, ::-1]), eyes_and_lips(picture)[:, :, ::-1])


@pytest.mark.parametrize(("variant", "attends"), [("paper", False), ("attending", True)])
def test_as_published_no_query_no_key_and_no_code_of_the_last_place_learns_anything(flow, variables_of, variant, attends):
    network = create("htnet", 3, variant, width=12, depths=(1, 1, 1)[attends:])
    variables = variables_of(network)

    def loss(params):
        output = network.apply({"params": params}, {"flow": flow}, train=False)
        return jnp.square(output.logits).sum(), output.attention

    gradient, attention = jax.jit(jax.grad(loss, has_aux=True))(variables["params"])
    codes = [float(np.abs(gradient[level]["place"]).max()) for level in sorted(gradient) if level.startswith("level")]
    assert codes[-1] < 1e-4 < 1e-2 < min(codes[:-1])
    for level in ("level1", "level2"):
        learnt = [bool(np.abs(gradient[level]["layer1"]["attention"][name]["kernel"]).max() > 1e-6) for name in "qkv"]
        assert learnt == [attends, attends, True]
    assert sorted(attention) == ["level1", "level2", "squares"][: 3 * attends]


def test_at_the_first_level_an_area_looks_at_itself_alone_and_at_the_second_at_all(flow, variables_of):
    network = create("htnet", 3, "attending", width=12, depths=(2, 1))
    variables, changed = variables_of(network), flow.copy()
    changed[:, 20:] = 255 - changed[:, 20:]                                                  # below the squares of the eyes
    answer = jax.jit(lambda x: network.apply(variables, {"flow": x}, train=False).attention)
    one, other = answer(flow), answer(changed)
    np.testing.assert_array_equal(one["level1"][:, :2], other["level1"][:, :2])
    for level in (one["level1"][:, 2:] - other["level1"][:, 2:], one["level2"] - other["level2"]):
        assert float(jnp.abs(level).max()) > 1e-3


@pytest.mark.slow
def test_the_share_of_a_patch_is_its_own_in_its_square_times_that_of_the_square_in_the_face(flow, variables_of):
    network = create("htnet", 3, "attending", width=12, depths=(1, 1))
    attention = network.apply(variables_of(network), {"flow": flow}, train=False).attention
    inside, between = attention["level1"].mean((2, 3)), attention["level2"].mean((2, 3))[:, 0]
    for square, (row, column) in enumerate(((0, 0), (0, 2), (2, 0), (2, 2))):
        found = attention["squares"][:, row : row + 2, column : column + 2].reshape(-1, 4)
        np.testing.assert_allclose(found, between[:, square, None] * inside[:, square], rtol=1e-5)


def test_squares_are_drawn_where_they_were_cut_out():
    """What looks at the square of the left eye alone is a map of that square, its patches as they lie in it."""
    squares = np.zeros((1, 4, 4), np.float32)
    squares[0, :2, :2] = [[1, 0], [0, 3]]
    found = place_maps(Output(jnp.zeros((1, 3)), {"squares": jnp.asarray(squares)}))["self-attention in squares of the face"]
    column, row = np.clip(np.rint(template(28)[0] - 6.5), 0, 14).astype(int)
    wanted = np.zeros((28, 28))
    wanted[row : row + 7, column : column + 7], wanted[row + 7 : row + 14, column + 7 : column + 14] = 1, 3
    np.testing.assert_allclose(found[0], wanted / wanted.sum(), atol=1e-6)


@pytest.mark.parametrize("field", [{"patch": 5}, {"patch": 14}, {"depths": (1,) * 4}])
def test_patches_that_levels_do_not_divide_are_refused(field):
    network = create("htnet", 3, width=12, **field)
    with pytest.raises(UserMistake, match="wanted patches that divide 28 pixels"):
        jax.eval_shape(lambda: network.init(jax.random.key(0), {"flow": jnp.zeros((1, 28, 28, 3))}, train=False))
