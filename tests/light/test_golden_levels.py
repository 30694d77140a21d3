"""Published scores rest on these cameras: what the levels and the training cameras give must never change.

The key is one whose readings all lie far (.002 of a step) from the edge between two steps, so that rounding that differs
from machine to machine finds the same bytes.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.light.camera import LEVELS, darken, training_camera

GOLDEN = {
    "L0": "00356a9fd40a3e73a8dd12477cb1e61b5085baef24598ec3f82d6297cc00366ba0d50a3f74a9de13487db2e71c5186bb"
          "f0255a8fc4f92e6398cd00376ca1d60b4075aadf14497eb3e81d5287bcf1265b90c5fa2f6499ce00386da2d70c4176ab",
    "L1": "001d314c680818384f6b08283e526c12243f5a71102e3f6176152d485f0021324c67062033516c00203d557200274159"
          "73152f4a5c7812314a64001e355066001c37526c0b203c54721125405c761328415d76172c48640a1c354c67061c3855",
    "L2": "00151f3245080b253347001c2935460f17293c490a2028414d0d1c2f3d001920324400161f3548001529384c00192b3b"
          "4c1020323b4f0a20314300162336430011243648081428364d0e172a3d4f0d19293c4d0f1b2f430a1323324406112439",
    "L3": "00151525340b001c2434001b202330110c1c2d34001a1631360611222a001a1623330013102636000b1f283a00121f2a"
          "37101b29293a0019243200151b2a30000019273508081c253a100c1e2e3b0a0c192a370c0c21320d0f1a23310600192c",
    "L4": "0016081a280d00161727001c1a141f150011212300190027250000171a001d0c18260012001b290000181c2d000c171e"
          "28111a241a2b00151b27001615222200000f1c28080014172d120015232e0a00001b250a001626100d13162306000f23",
}
CAMERAS = {
    "exposure": [0.03498794510960579, 0.08495120704174042],
    "shot": [0.0001425770460627973, 0.0001361995964543894],
    "read": [1.1297686342004454e-08, 1.480474054460501e-08],
    "row": [1.0629057214828208e-05, 1.2167473869340029e-05],
}


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_gives_the_bytes_it_always_gave(level):
    frames = (jnp.arange(96) * 53 % 256).astype(jnp.float32).reshape(2, 4, 4, 3) / 255
    for dark in (darken, jax.jit(darken), jax.jit(lambda frames, camera, key: darken(frames, LEVELS[level], key))):
        found = np.round(255 * np.asarray(dark(frames, LEVELS[level], jax.random.key(3)))).astype(np.uint8)
        assert found.tobytes().hex() == GOLDEN[level]


def test_a_key_draws_the_training_camera_that_it_always_drew():
    found = jax.vmap(training_camera)(jax.random.split(jax.random.key(0), 2))
    for name, values in CAMERAS.items():
        np.testing.assert_allclose(getattr(found, name), values, rtol=1e-6)
