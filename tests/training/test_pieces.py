"""Losses, optimizers, augmentation: against optax, PyTorch, and their own symmetries."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.models.network import Output
from mer_jax.training.augmentation import Augmentation, augment_flow, augment_frames, mirror_flow
from mer_jax.training.inputs import Data, training_inputs
from mer_jax.training.losses import cross_entropy, soft_target
from mer_jax.training.optimizers import learning_rate_curve, make_optimizer
from mer_jax.training.stages import Recipe, Stage
from mer_jax.training.train_step import Batch


def test_smoothed_cross_entropy_equals_pytorch():
    torch = pytest.importorskip("torch")
    logits, label = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32), np.arange(7) % 3
    batch = Batch({}, soft_target(jnp.asarray(label), 3, 0.1), jnp.ones(7))
    wanted = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(label), label_smoothing=0.1,
                                               reduction="none")
    np.testing.assert_allclose(cross_entropy(Output(jnp.asarray(logits)), batch), wanted.numpy(), rtol=1e-5)


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
def test_optimizers_equal_pytorch_with_weight_decay(name):
    torch = pytest.importorskip("torch")
    start, gradients = np.array([1.0, -2.0, 3.0], np.float32), np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    peer = torch.nn.Parameter(torch.tensor(start))
    rules = {"sgd": torch.optim.SGD, "momentum": functools.partial(torch.optim.SGD, momentum=0.9), "adam": torch.optim.Adam,
             "adamw": torch.optim.AdamW}
    rule = rules[name]([peer], lr=0.1, weight_decay=0.01)
    tx = make_optimizer(Recipe((Stage(1, 0.1),), optimizer=name, weight_decay=0.01), Stage(1, 0.1), 6)
    params = {"w": jnp.asarray(start)}
    state = tx.init(params)
    for gradient in gradients:
        peer.grad = torch.tensor(gradient)
        rule.step()
        updates, state = tx.update({"w": jnp.asarray(gradient)}, state, params)
        params = optax.apply_updates(params, updates)
    np.testing.assert_allclose(params["w"], peer.detach().numpy(), rtol=2e-5)


def test_clipping_equals_optax_and_bites():
    start, gradient = {"w": jnp.array([1.0, -2.0])}, {"w": jnp.array([3.0, 4.0])}
    recipe, peer = Recipe((Stage(1, 0.1),), optimizer="sgd", gradient_clip=0.5), optax.chain(
        optax.clip_by_global_norm(0.5), optax.sgd(0.1))
    found, wanted = (tx.update(gradient, tx.init(start), start)[0]["w"]
                     for tx in (make_optimizer(recipe, recipe.stages[0], 6), peer))
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    np.testing.assert_allclose(found, [-0.03, -0.04], rtol=1e-5)      # a gradient of length 5 shortened to one half


@pytest.mark.parametrize("make, wanted", [
    (lambda: Stage(0, 0.1), "epochs=0"), (lambda: Stage(2, 0.0), "learning_rate=0.0"),
    (lambda: Stage(2, float("nan")), "learning_rate=nan"), (lambda: Stage(2, 0.1, warmup_epochs=2), "fewer than its 2"),
    (lambda: Stage(2, 0.1, schedule="cosin"), "did you mean 'cosine'"),
    (lambda: Stage(2, 0.1, schedule="0 every 5"), "schedule '0 every 5' is not known.*FACTOR every EPOCHS"),
    (lambda: Stage(2, 0.1, schedule=".5 every 0"), "schedule '.5 every 0' is not known"),
    (lambda: Stage(2, 0.1, schedule="3 every 1"), "schedule '3 every 1' is not known"),
    (lambda: Stage(2, 0.1, schedule="FACTOR every EPOCHS"), "schedule 'FACTOR every EPOCHS' is not known"),
    (lambda: Stage(2, 0.1, losses=(("crossentropy", 1.0),)), "did you mean 'cross_entropy'"),
    (lambda: Stage(2, 0.1, losses=()), "no losses"), (lambda: Recipe(()), "wanted a tuple of one or more Stage"),
    (lambda: Recipe((Stage(1, 0.1),), batch_size=0), "batch_size=0"),
    (lambda: Recipe((Stage(1, 0.1),), optimizer="adma"), "did you mean 'adam'"),
    (lambda: Recipe((Stage(1, 0.1),), class_weights="balance"), "did you mean 'balanced'"),
    (lambda: Recipe((Stage(1, 0.1),), weight_decay=-1.0), "weight_decay=-1.0"),
    (lambda: Recipe((Stage(1, 0.1),), gradient_clip=float("inf")), "gradient_clip=inf"),
    (lambda: Recipe((Stage(1, 0.1),), label_smoothing=1.0), "label_smoothing=1.0"),
])
def test_a_recipe_says_what_is_wrong_with_it(make, wanted):
    with pytest.raises(UserMistake, match=wanted):
        make()


def test_warm_up_rises_to_one_and_cosine_falls_to_zero():
    curve = learning_rate_curve(Stage(10, 1.0, warmup_epochs=2, schedule="cosine"), steps_per_epoch=5)
    values = np.array([curve(step) for step in range(51)])
    assert values[0] == pytest.approx(0.1) and values[10] == pytest.approx(1.0) and values[50] == pytest.approx(0, abs=1e-6)
    assert (np.diff(values[:11]) > 0).all() and (np.diff(values[10:]) < 0).all()
    assert learning_rate_curve(Stage(3, 1.0), 5)(7) == 1.0


@pytest.mark.parametrize(("schedule", "factor", "epochs"), [
    ("0.3 every 2", 0.3, 2), (".9 every 1", 0.9, 1), ("0.5 every 10", 0.5, 10)])
@pytest.mark.parametrize("steps", [3, 11, 41])
def test_falling_by_steps_is_pytorchs_steplr_to_the_step(schedule, factor, epochs, steps):
    torch = pytest.importorskip("torch")
    rate = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    peer, wanted = torch.optim.lr_scheduler.StepLR(rate, epochs, factor), []
    for _ in range(25):
        wanted += [peer.get_last_lr()[0]] * steps
        rate.step()
        peer.step()
    curve = learning_rate_curve(Stage(25, 1.0, schedule=schedule), steps)
    found = jax.jit(jax.vmap(curve))(jnp.arange(25 * steps))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    warm = jax.jit(jax.vmap(learning_rate_curve(Stage(25, 1.0, warmup_epochs=2, schedule=schedule), steps)))
    np.testing.assert_allclose(warm(2 * steps + jnp.arange(20 * steps)), wanted[: 20 * steps], rtol=1e-5)


@pytest.mark.parametrize("coding", ["pixels", "minmax8"])
def test_mirroring_twice_is_nothing_and_once_turns_the_motion(coding):
    rng = np.random.default_rng(0)
    flow = jnp.asarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8) if coding == "minmax8" else rng.normal(size=(6, 6, 3)))
    turned = mirror_flow(flow, coding)
    np.testing.assert_array_equal(mirror_flow(turned, coding), flow)
    np.testing.assert_array_equal(turned[..., 1:], flow[:, ::-1, 1:])
    wanted = 255 - flow[:, ::-1, 0] if coding == "minmax8" else -flow[:, ::-1, 0]
    np.testing.assert_array_equal(turned[..., 0], wanted)


def test_a_shift_moves_the_image_and_repeats_its_edge():
    flow = jnp.arange(8 * 8 * 3, dtype=jnp.float32).reshape(8, 8, 3)
    seen = set()
    for number in range(40):
        moved = np.asarray(augment_flow(flow, "pixels", Augmentation(shift=1), jax.random.key(number)))
        candidates = {(dy, dx): np.asarray(jnp.pad(flow, ((1, 1), (1, 1), (0, 0)), mode="edge"))[dy : dy + 8, dx : dx + 8]
                      for dy in range(3) for dx in range(3)}
        match = [place for place, image in candidates.items() if np.array_equal(image, moved)]
        assert match
        seen.update(match)
    assert len(seen) == 9


def test_a_clip_is_augmented_alike_wherever_it_stands_in_the_batch():
    flow, clip = jnp.asarray(np.random.default_rng(0).normal(size=(5, 8, 8, 3))), jnp.arange(5)
    both, key = Augmentation(flip=True, shift=2), jax.random.key(0)
    data = Data({"flow": flow}, jnp.zeros(5, jnp.int32), jnp.zeros(5, jnp.uint32))
    whole, part = (training_inputs(create("ststnet", 3), "pixels", both, 1, data, rows, key)[0]["flow"]
                   for rows in (clip, clip[3:]))
    np.testing.assert_array_equal(whole[3:], part)
    assert not np.array_equal(whole, flow)


def test_a_clip_of_frames_is_mirrored_and_shifted_as_a_whole():
    frames = jnp.asarray(np.random.default_rng(0).integers(0, 256, (3, 5, 12, 12, 3), dtype=np.uint8))
    both = Augmentation(flip=True, shift=2)
    for number in range(8):
        moved = np.asarray(augment_frames(frames, both, jax.random.key(number)))
        one = np.asarray(augment_frames(frames[1, 2], both, jax.random.key(number)))
        np.testing.assert_array_equal(moved[1, 2], one)                  # every frame moves as it would alone
        assert set(moved.ravel()) <= set(np.asarray(frames).ravel())
