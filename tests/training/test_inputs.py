"""What a step reads: darkness by chance and by clip, and nothing but the rows it is given."""

import jax
import jax.numpy as jnp
import numpy as np

from mer_jax.models import create
from mer_jax.training.augmentation import Augmentation
from mer_jax.training.inputs import DARK, Data, level_frames, training_inputs

CLIPS = 60


def grey_data() -> Data:
    """Sixty clips of nine equal grey frames, so that whatever differs comes from the camera."""
    marks = {name: jnp.full(CLIPS, value, jnp.int32) for name, value in
             (("length", 9), ("onset", 0), ("apex", 4), ("offset", 8))}
    frames = jnp.full((CLIPS, 9, 8, 8, 3), 128, jnp.uint8)
    return Data({"frames": frames, **marks}, jnp.zeros(CLIPS, jnp.int32), jnp.arange(CLIPS, dtype=jnp.uint32))


def test_the_stated_share_of_training_clips_is_dark_and_the_bright_twin_is_kept():
    network = create("agmenet", 3, "tiny", instants=3)
    for share, least, most in ((0.0, 0, 0), (0.5, 18, 42), (1.0, CLIPS, CLIPS)):
        inputs, bright = training_inputs(network, None, Augmentation(dark=share), 5, grey_data(), jnp.arange(CLIPS),
                                         jax.random.key(0))
        dark = np.asarray(inputs["frames"].mean((1, 2, 3, 4, 5)) < 0.45)
        assert least <= dark.sum() <= most, share
        np.testing.assert_allclose(bright, 128 / 255, atol=1e-6)
        np.testing.assert_array_equal(np.asarray(inputs["frames"])[~dark], np.asarray(bright)[~dark])


def test_every_clip_and_every_native_frame_has_noise_of_its_own():
    seen = np.asarray(level_frames(grey_data(), jnp.arange(6), jnp.arange(9).reshape(1, 3, 3).repeat(6, 0), "L3"))
    frames = seen.reshape(6 * 9, -1)
    assert len(np.unique(frames, axis=0)) == 54
    again = np.asarray(level_frames(grey_data(), jnp.array([5, 2]), jnp.full((2, 1, 1), 4), "L3"))
    np.testing.assert_array_equal(again[:, 0, 0], seen[[5, 2], 1, 1])


def test_the_camera_has_a_key_that_augmentation_has_not():
    """In JAX fold_in(key, i) is split(key, n)[i], so a small number would give the camera the key of the shift."""
    key = jax.random.key(0)
    taken = jax.random.key_data(jax.random.split(key, 64))
    assert not (taken == jax.random.key_data(jax.random.fold_in(key, DARK))).all(1).any()
