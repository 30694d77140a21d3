"""Where a database was recorded: who came, under which lamps, by which camera.

CASME II: four LED lamps in front, a colour camera of 200 frames a second. SAMM: LED arrays, a grey camera of 200. SMIC-HS: a
colour camera of 100 in indoor light, smaller faces, so softer pictures. Kinds and rates are the databases'; the numbers for
noise, softness, lamps, skins and glasses are chosen, not measured.
"""

from typing import NamedTuple

from mer_jax.light.camera import Camera

GOOD = Camera(exposure=1.0, shot=2e-4, read=1e-6, row=3e-5)           # a good camera in good light


class Studio(NamedTuple):
    """skins: the range of skin, 0 light to 1 dark. lamps: how far to the side the light comes from at most, radians; ambient:
    the range of the share of light from everywhere. cast: spread of the light's colour, of the logarithm of each channel.
    glasses: share of people who wear some. softness: blur of the lens, IOD, where the picture is finer than that. grey: one
    channel, stored three times."""

    skins: tuple[float, float] = (0.0, 1.0)
    lamps: float = 0.9
    ambient: tuple[float, float] = (0.35, 0.6)
    cast: float = 0.03
    glasses: float = 0.25
    softness: float = 0.006
    grey: bool = False
    camera: Camera = GOOD


PLAIN = Studio()
CASME2_STUDIO = Studio(skins=(0.1, 0.6), lamps=0.5, ambient=(0.45, 0.65))
SAMM_STUDIO = Studio(lamps=0.4, ambient=(0.5, 0.7), cast=0.0, grey=True, camera=Camera(1.0, 3e-4, 2e-6, 3e-5))
SMIC_STUDIO = Studio(skins=(0.0, 0.7), lamps=0.9, ambient=(0.35, 0.55), cast=0.06, softness=0.022,
                     camera=Camera(1.0, 6e-4, 4e-6, 5e-5))
