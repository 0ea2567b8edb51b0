"""Plastic and lacquer: the plain, lively colours of small things."""

from training.data.synthetic.material import Colour, Material
from training.data.synthetic.palette import Palette
from training.data.synthetic.swatches.noise import colour_of


def lively_colour(palette: Palette, low: float = 0.06, high: float = 0.92) -> Colour:
    """Any colour, of a brightness between low and high."""
    return colour_of(palette.rng, value=(low, high), saturation=0.9)


def plastic(palette: Palette) -> Material:
    """One colour with some shine."""
    shine = float(palette.rng.uniform(0.0, 0.08))
    return palette.plain(
        lively_colour(palette), specular=shine, gloss=float(palette.rng.uniform(10, 60))
    )
