"""What lights a scene: one key light that casts shadows, light from all around, fog, the sky."""

from dataclasses import dataclass

from training.data.synthetic.material import Colour


@dataclass(frozen=True, kw_only=True)
class Sky:
    """A dome: colours at the zenith and the horizon, and clouds from a layer of the atlas."""

    zenith: Colour
    horizon: Colour
    cloud_layer: int
    cloud_cover: float
    """0 clear, 1 overcast."""
    cloud_offset: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Light:
    """All light of a scene. Colours are linear and may exceed 1."""

    key: Colour
    """Colour of the sun or the lamp."""
    towards: tuple[float, float, float]
    """Sun: unit vector towards it. Lamp: its position in the world, m."""
    is_lamp: bool
    above: Colour
    """Ambient light on what faces up."""
    below: Colour
    """Ambient light on what faces down."""
    fog: Colour
    fog_m: float
    """Distance at which 63 % is fog."""
    exposure: float
    sky: Sky | None
    """None indoors."""
    room_half_m: tuple[float, float, float] | None = None
    """Indoors: half sizes of the room around (0, height / 2, 0), whose corners are darker."""
