"""The light of a street: where the sun stands, how overcast it is, haze, exposure."""

import math

from training.data.synthetic.light import Light, Sky
from training.data.synthetic.palette import Palette


def daylight(palette: Palette) -> Light:
    """A random time of day and weather."""
    rng = palette.rng
    overcast = float(rng.choice([0.0, rng.uniform(0, 1), 1.0], p=[0.45, 0.35, 0.2]))
    height = math.radians(float(rng.uniform(8, 65)))
    azimuth = float(rng.uniform(0, 2 * math.pi))
    warm = max(0.0, 1 - height / 0.6)
    sun = float(rng.uniform(1.5, 3.2)) * (1 - 0.93 * overcast)
    level = float(rng.uniform(0.35, 0.75)) + 0.35 * overcast
    blue = 1 + 0.35 * (1 - overcast)
    above = (level * 0.92, level, level * blue)
    ground = 0.25 * level + 0.12 * sun
    received = sun * 0.55 + level * 0.8
    exposure = float(10 ** rng.uniform(-0.22, 0.17)) / received
    bright = level * float(10 ** rng.uniform(0.05, 0.55)) + 0.1 * sun
    zenith = (bright * (0.35 + 0.6 * overcast), bright * (0.55 + 0.42 * overcast), bright)
    horizon = (bright * 1.05, bright * 1.08, bright * 1.1)
    cover = float(rng.uniform(0.0, 0.8)) * (1 - overcast) + overcast * float(rng.uniform(0.6, 1.2))
    haze = float(rng.uniform(0.6, 0.95))
    return Light(
        key=(sun, sun * (1 - 0.18 * warm), sun * (0.95 - 0.45 * warm)),
        towards=(
            math.cos(height) * math.sin(azimuth),
            math.sin(height),
            math.cos(height) * math.cos(azimuth),
        ),
        is_lamp=False,
        above=above,
        below=(ground, ground * 0.96, ground * 0.9),
        fog=(horizon[0] * haze, horizon[1] * haze, horizon[2] * haze),
        fog_m=float(10 ** rng.uniform(2.55, 4.0)),
        exposure=exposure,
        sky=Sky(
            zenith=zenith,
            horizon=horizon,
            cloud_layer=palette.layer("clouds"),
            cloud_cover=cover,
            cloud_offset=(float(rng.random()), float(rng.random())),
        ),
    )
