"""The PyTorch peer of AGMENet is the same network, and the roofline counts what closed forms say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

SMALL = {"frame_size": 32, "instants": 3, "stem": 8, "growth": 4, "bottleneck": 2, "blocks": (1, 1), "width": 16, "heads": 2}


def test_the_peer_has_our_losses_and_trains_every_fold(speed, answers_of, monkeypatch):
    """Float32 against float32: at each step some ReLU or maximum falls on the other side, so agreement ends at a thousandth."""
    pytest.importorskip("torch")
    from mer_jax.models import agmenet

    monkeypatch.setitem(agmenet.VARIANTS, "small", SMALL)
    one = speed("agmenet").experiment("small", "float32", batch=3, epochs=1)
    given, ours = speed("our_side").same_steps(one, steps=3, learning_rate=1e-2)
    peer = speed("agmenet").peer_of(one, gpu=False, dtype="float32")
    data = {**peer.arrays, "label": one.clips.label, "train": one.runs.train, "count": one.runs.train_count,
            "test": one.runs.test, "steps": one.program.steps_per_epoch, "learning_rate": 1e-3}
    for words in ("eager", "eager+channels_last"):
        checked, trained = answers_of("torch_agmenet.py", words, data, given, {"folds": 2, "epochs": 1})
        np.testing.assert_allclose(ours, checked["losses"], rtol=5e-3)
        assert 0.2 < trained["loss"] < 10
    assert ours[0] == pytest.approx(checked["losses"][0], rel=1e-5) and abs(ours[1] - ours[0]) > 0.05


def test_operations_and_bytes_of_products_and_reductions(speed):
    """(4, 5) @ (5, 6): 240 operations on 20 + 30 + 24 numbers; a convolution 2 n h w k k c f; a sum reads its operand."""
    def step(a, b, image, kernel):
        with jax.named_scope("dense"):
            product = a @ b
        with jax.named_scope("block"), jax.named_scope("conv"):
            seen = jax.lax.conv_general_dilated(image, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        return jnp.tanh(product).sum() + jax.jit(jnp.sum)(seen)

    arguments = jnp.ones((4, 5)), jnp.ones((5, 6)), jnp.ones((2, 8, 7, 3)), jnp.ones((3, 3, 3, 4))
    found = {layer.name: layer for layer in speed("roofline").layers(step, arguments, 1e9, 4e9)}
    assert found["dense"][1:] == (240.0, 4 * 74.0, pytest.approx(240e-9))
    pixels = 2 * 8 * 7
    assert found["block/conv"][1:3] == (2 * pixels * 9 * 3 * 4, 4 * (pixels * 3 + 108 + pixels * 4))
    assert found[""].bytes == 4 * (24 + pixels * 4)
    assert found[""].seconds == pytest.approx(4 * (24 + pixels * 4) / 4e9)


def test_what_was_converted_squared_or_padded_counts_as_it_was_before(speed):
    """Batch norm's two means read a bfloat16 picture once; of a 3x3 kernel in one of 4x4, nine taps of sixteen are needed."""
    def step(x, image, kernel):
        wide = x.astype(jnp.float32)
        even = jnp.pad(kernel, ((0, 1), (0, 1), (0, 0), (0, 0)))
        return wide.mean(0), jnp.square(wide).mean(0), jax.lax.conv_general_dilated(
            image, even, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    arguments = jnp.ones((64, 8), jnp.bfloat16), jnp.ones((1, 8, 8, 3)), jnp.ones((3, 3, 3, 4))
    (found,) = speed("roofline").layers(step, arguments, 1e9, 1e9)
    assert found.bytes == 2 * 64 * 8 + 4 * (8 * 8 * 3 + 9 * 3 * 4 + 5 * 5 * 4)
    assert found.operations == 64 * 8 + 2 * 25 * 9 * 3 * 4


def test_the_gradient_of_a_product_counts_twice_its_operations(speed):
    """Once for each operand; and under `jax.checkpoint` the product is made again."""
    roofline = speed("roofline")

    def operations(function):
        arguments = jnp.ones((4, 5)), jnp.ones((5, 6))
        return sum(layer.operations for layer in roofline.layers(jax.grad(function, (0, 1)), arguments, 1e9, 1e9))

    def loss(a, b):
        return jnp.square(jnp.sin(a @ b)).sum()

    forward = 2 * 4 * 5 * 6
    reductions = operations(lambda a, b: jnp.square(jnp.sin(a)).sum() + 0 * b.sum())
    assert operations(loss) - 3 * forward == pytest.approx(24, abs=30) and reductions < 100
    assert operations(jax.checkpoint(loss)) - operations(loss) >= forward
