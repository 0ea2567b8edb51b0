"""Class colours. The palette of a served model stands in its bundle.json; these are the makers."""

import colorsys

import numpy as np
from numpy.typing import NDArray

from models.task import IGNORE_INDEX

Palette = tuple[tuple[int, int, int], ...]

CAMVID_PALETTE: Palette = (
    (128, 128, 128),  # sky
    (128, 0, 0),  # building
    (192, 192, 128),  # pole
    (128, 64, 128),  # road
    (0, 0, 192),  # pavement
    (128, 128, 0),  # tree
    (192, 128, 128),  # sign
    (64, 64, 128),  # fence
    (64, 0, 128),  # car
    (64, 64, 0),  # pedestrian
    (0, 128, 192),  # bicyclist
)
"""The colours that CamVid's own label images use (Brostow et al. 2009), in the order of
models.task.CLASS_NAMES."""


def spread_palette(num_classes: int) -> Palette:
    """Distinct colours for any class list.

    Hues advance by the golden ratio, so that neighbours in the list differ most; every third
    colour is darker and every second paler, which keeps hundreds apart.
    """
    colours = []
    for index in range(num_classes):
        hue = (index * 0.618033988749895) % 1.0
        saturation = 0.85 if index % 2 == 0 else 0.55
        value = (0.95, 0.75, 0.55)[index % 3]
        red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
        colours.append((round(red * 255), round(green * 255), round(blue * 255)))
    return tuple(colours)


def colour_table(palette: Palette) -> NDArray[np.uint8]:
    """(256, 3) RGB by label. Labels without a class, IGNORE_INDEX among them, are black."""
    if len(palette) > IGNORE_INDEX:
        raise ValueError(
            f"palette has {len(palette)} colours, expected up to {IGNORE_INDEX}: "
            f"{IGNORE_INDEX} stands for no class"
        )
    table = np.zeros((256, 3), dtype=np.uint8)
    if palette:
        table[: len(palette)] = palette
    return table


def colour_labels(labels: NDArray[np.uint8], palette: Palette) -> NDArray[np.uint8]:
    """Labels (h, w) as RGB (h, w, 3)."""
    coloured: NDArray[np.uint8] = colour_table(palette).take(labels, axis=0)
    return coloured
