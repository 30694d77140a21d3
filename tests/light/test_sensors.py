"""Measured sensors: the settings that their source works out, and noise of the size they say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.light.camera import Camera, darken, expose
from mer_jax.light.noise import tukey_variance
from mer_jax.light.sensors import FULL_SCALE, SENSORS, sensor_camera


def test_the_settings_that_were_worked_out_by_hand():
    for name, gain, shot, read, row in (("SonyA7S2", 8.0, 5.1e-4, 4.5e-7, 1.1e-4), ("Canon700D", 20.0, 1.3e-3, 1.3e-5, 1.9e-4)):
        camera = sensor_camera(SENSORS[name], gain, 0.04)
        found = [float(f"{float(part):.1e}") for part in (camera.shot, camera.read, camera.row)]
        assert found == [shot, read, row] and camera.exposure == 0.04


@pytest.mark.parametrize("name", SENSORS)
def test_a_sensor_reads_whole_numbers_with_the_noise_of_its_gain(name):
    gain = 0.3 * SENSORS[name].gains[1]
    camera = sensor_camera(SENSORS[name], gain, 0.1)
    numbers = np.asarray(expose(jnp.full((8, 64, 64, 3), 0.2), camera, jax.random.key(0)), np.float64) * FULL_SCALE
    assert FULL_SCALE == 15583 and np.abs(numbers - np.round(numbers)).max() < 5e-3
    assert numbers.mean() == pytest.approx(0.02 * FULL_SCALE, rel=0.01)
    read, row = (np.exp(line.slope * np.log(gain) + line.bias) for line in (SENSORS[name].read, SENSORS[name].row))
    assert numbers.var() == pytest.approx(gain * 0.02 * FULL_SCALE + read**2 + row**2 + 1 / 12, rel=0.03)


@pytest.mark.parametrize("tails", [False, True])
def test_settings_scatter_about_the_lines_as_measured(tails):
    sensor, gain = SENSORS["Canon70D"], 5.0
    drawn = jax.vmap(lambda key: sensor_camera(sensor, gain, key=key, tails=tails))(jax.random.split(jax.random.key(0), 400))
    line = sensor.tukey if tails else sensor.read
    scale = drawn.read / jax.vmap(tukey_variance)(drawn.tail) if tails else drawn.read
    logs = 0.5 * np.log(scale) + np.log(FULL_SCALE)
    assert logs.mean() == pytest.approx(line.slope * np.log(gain) + line.bias, abs=0.05)
    assert logs.std() == pytest.approx(line.scatter, rel=0.12)
    assert np.log(drawn.row).std() == pytest.approx(sensor.row.scatter, rel=0.12)
    assert abs(np.corrcoef(logs, np.log(drawn.row))[0, 1]) < 0.15
    if tails:
        assert sensor.tails[0] <= drawn.tail.min() and drawn.tail.max() <= sensor.tails[1] and drawn.tail.std() > 0.05


def test_drawn_settings_darken_under_vmap_as_alone():
    keys = jax.random.split(jax.random.key(0), 2)
    frames = jax.random.uniform(jax.random.key(1), (2, 3, 8, 8, 3))

    def dark(frames, key):
        return darken(frames, sensor_camera(SENSORS["SonyA7S2"], 4.0, 0.05, key, tails=True), key)

    together = jax.jit(jax.vmap(dark))(frames, keys)
    np.testing.assert_array_equal(together[1], jax.jit(dark)(frames[1], keys[1]))
    assert isinstance(sensor_camera(SENSORS["SonyA7S2"], 4.0), Camera)
