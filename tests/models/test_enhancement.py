"""LLEM's kinds: shared ones make no motion where there was none, the frame-by-frame one does; all pass good light."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.data.folds import leave_one_subject_out
from mer_jax.evaluation.benchmark import prepare
from mer_jax.mistakes import UserMistake
from mer_jax.models import create
from mer_jax.models.blocks.enhancement import KINDS, LowLightEnhancement
from mer_jax.models.network import Output
from mer_jax.training.losses import illumination
from mer_jax.training.stages import Recipe, Stage

SIDE = 32


@pytest.fixture(scope="module")
def dark():
    """(1, 3, 5, H, W, 3): three instants of one dark scene, alike but for a lamp in a corner of the second, and a shadow under
    it, so that the frame as a whole is as bright as the others."""
    scene = 0.05 + 0.1 * jax.random.uniform(jax.random.key(0), (SIDE, SIDE, 3))
    windows = jnp.broadcast_to(scene, (1, 3, 5, SIDE, SIDE, 3))
    return windows.at[:, 1, :, :6, :6].add(0.04).at[:, 1, :, 6:12, :6].add(-0.04)


@pytest.fixture(scope="module")
def enhanced(dark):
    """kind -> (pictures, extras) with parameters that are not at their start."""
    found = {}
    for kind in KINDS:
        module = LowLightEnhancement(kind=kind)
        params = module.init(jax.random.key(1), dark)
        leaves, tree = jax.tree.flatten(params)
        keys = jax.random.split(jax.random.key(2), len(leaves))
        moved = [leaf + 0.3 * jax.random.normal(key, leaf.shape) for leaf, key in zip(leaves, keys, strict=True)]
        found[kind] = module.apply(jax.tree.unflatten(tree, moved), dark)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_pictures_in_range(kind, enhanced, dark):
    pictures, extras = enhanced[kind]
    assert pictures.shape == (1, 3, SIDE, SIDE, 3) and pictures.min() >= 0 and pictures.max() <= 1 + 1e-6
    assert float(jnp.abs(pictures - extras["denoised"]).mean()) > 1e-3                    # it does something


@pytest.mark.parametrize("kind", ["curve", "retinex"])
def test_a_lamp_in_one_corner_at_one_moment_changes_nothing_elsewhere_where_the_light_is_shared(kind, enhanced):
    pictures, extras = enhanced[kind]
    still = np.abs(np.diff(extras["denoised"], axis=1)).max((0, 1, 4)) < 1e-7
    assert 0.8 < still.mean() < 1
    assert np.abs(np.diff(pictures, axis=1)).max((0, 1, 4))[still].max() < 1e-6


def test_it_does_frame_by_frame_which_is_the_warning(enhanced):
    pictures, extras = enhanced["per_frame"]
    still = np.abs(np.diff(extras["denoised"], axis=1)).max((0, 1, 4)) < 1e-7
    assert np.abs(np.diff(pictures, axis=1)).max((0, 1, 4))[still].max() > 1e-3


def test_retinex_is_the_picture_over_its_light(enhanced):
    pictures, extras = enhanced["retinex"]
    light = jax.image.resize(extras["illumination"], (1, SIDE, SIDE, 3), "linear")
    wanted = extras["denoised"] / light[:, None] ** extras["gate"][:, None, None, None, None]
    np.testing.assert_allclose(pictures, jnp.clip(wanted, 0, 1), atol=1e-5)
    loss = illumination(Output(None, {}, extras), None)
    even = {**extras, "illumination": jnp.full_like(extras["lit"], 0.2), "lit": jnp.full_like(extras["lit"], 0.4)}
    assert loss.shape == (1,) and float(illumination(Output(None, {}, even), None)[0]) == pytest.approx(1.5 * 0.04, rel=1e-4)


def test_along_the_motion_a_still_window_keeps_its_mean_and_a_moving_one_its_detail():
    x = np.arange(SIDE)
    waves = np.stack([0.3 + 0.1 * np.sin((x - 0.4 * (t - 2)) / 1.3) for t in range(5)])
    frames = waves[:, None, :, None] * np.ones((1, SIDE, 1, 3))
    windows = jnp.asarray(np.broadcast_to(frames, (1, 2, *frames.shape)), jnp.float32)
    means = [LowLightEnhancement(compensate=along) for along in (False, True)]
    found = [module.apply(module.init(jax.random.key(0), windows), windows)[1]["denoised"] for module in means]
    lost = [float(jnp.abs(part[0, 0, 8:-8, 8:-8] - frames[2, 8:-8, 8:-8]).mean()) for part in found]
    assert lost[1] < 0.5 * lost[0]


def test_each_part_that_is_switched_off_is_gone_and_no_other(dark, enhanced):
    """By the law of each part: without deflicker a flash stays, without the window's mean its middle frame stands for it,
    without brightening the mean is what is seen, without the gate bright clips are brightened like dark ones."""
    flash = dark.at[:, 2].multiply(1.2)
    bright = dark + 0.6

    def seen(windows, **parts):
        module = LowLightEnhancement(**parts)
        params = module.init(jax.random.key(1), dark)
        moved = jax.tree.map(lambda leaf: leaf + 0.3 * jax.random.normal(jax.random.key(leaf.size), leaf.shape), params)
        return module.apply(moved, windows)

    def mean_of(pictures):
        return np.asarray(pictures).mean((0, 2, 3, 4))

    whole, flickering = (mean_of(seen(flash, **parts)[1]["denoised"]) for parts in ({}, {"deflicker": False}))
    assert whole[2] == pytest.approx(whole[0], rel=0.01) and flickering[2] > 1.15 * flickering[0]
    assert flickering[0] == pytest.approx(whole[0], rel=0.01)
    changing = dark * jnp.linspace(0.98, 1.02, 5)[:, None, None, None]
    middle = seen(changing, window_mean=False, deflicker=False)[1]["denoised"]
    np.testing.assert_array_equal(middle, changing[:, :, 2])
    pictures, extras = seen(dark, brightening=False)
    np.testing.assert_array_equal(pictures, extras["denoised"])
    assert not extras["curve"].any()
    (shut, (opened, extras)) = (seen(bright, **parts) for parts in ({}, {"light_gate": False}))
    with pytest.raises(UserMistake, match="compensate without window_mean"):
        seen(dark, compensate=True, window_mean=False)
    little, much = (float(jnp.abs(pictures - parts["denoised"]).max()) for pictures, parts in (shut, (opened, extras)))
    assert little < 0.1 * much
    assert float(shut[1]["gate"][0]) < 0.02 < 0.9 < float(seen(dark)[1]["gate"][0]) < float(extras["gate"][0]) == 1


def test_an_unknown_kind_or_option_is_named(moving_clips):
    folds, recipe = leave_one_subject_out(moving_clips), Recipe((Stage(1, 1e-3),))
    with pytest.raises(UserMistake, match="enhancement='retinx' is not known .did you mean 'retinex'"):
        prepare(create("agmenet", 3, "tiny", enhancement="retinx"), moving_clips, folds, recipe)
    with pytest.raises(UserMistake, match="network 'agmenet' has no option 'enhancment' .did you mean 'enhancement'"):
        create("agmenet", 3, "tiny", enhancment="retinex")
    with pytest.raises(UserMistake, match="option width='wide': wanted a value like 128"):
        create("agmenet", 3, "tiny", width="wide")


@pytest.mark.parametrize(("options", "line"), [
    ({"motion": "differnce"}, "motion='differnce' is not known .did you mean 'difference'"),
    ({"heads": 5}, "AGMENet cannot be made with these options: ")])
def test_options_that_do_not_fit_are_one_line(moving_clips, options, line):
    with pytest.raises(UserMistake, match=line):
        prepare(create("agmenet", 3, "tiny", **options), moving_clips, leave_one_subject_out(moving_clips),
                Recipe((Stage(1, 1e-3),)))


def test_a_loss_that_the_network_has_nothing_for_is_named(moving_clips):
    recipe = Recipe((Stage(1, 1e-3, (("illumination", 1.0),)),))
    with pytest.raises(UserMistake, match="loss 'illumination' needs 'illumination', which AGMENet does not give"):
        prepare(create("agmenet", 3, "tiny", instants=3), moving_clips, leave_one_subject_out(moving_clips), recipe)
