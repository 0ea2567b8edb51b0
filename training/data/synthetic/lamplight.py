"""The light of a room: a lamp below the ceiling, light from all sides, exposure."""

from training.data.synthetic.light import Light
from training.data.synthetic.palette import Palette


def lamplight(palette: Palette, *, half: tuple[float, float, float]) -> Light:
    """Light for a room with these half sizes in metres."""
    rng = palette.rng
    x = float(rng.uniform(-0.6, 0.6) * half[0])
    z = float(rng.uniform(-0.6, 0.6) * half[2])
    lamp = float(rng.uniform(0.2, 2.0))
    warm = float(rng.uniform(0.0, 1.0))
    level = float(rng.uniform(0.35, 0.9))
    tint = float(rng.normal(0, 0.06))
    reach = 4 / (2 + half[1] ** 2 * 1.5 + 0.2 * (half[0] ** 2 + half[2] ** 2))
    received = lamp * 0.6 * reach + level * 0.75
    return Light(
        key=(lamp, lamp * (1 - 0.12 * warm), lamp * (1 - 0.35 * warm)),
        towards=(x, 2 * half[1] - 0.15, z),
        is_lamp=True,
        above=(level * (1 - tint), level, level * (1 + tint)),
        below=(level * 0.8, level * 0.77, level * 0.72),
        fog=(0.5, 0.5, 0.5),
        fog_m=1e4,
        exposure=float(10 ** rng.uniform(-0.25, 0.15)) / received,
        sky=None,
        room_half_m=half,
    )
