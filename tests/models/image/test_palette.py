"""Class colours."""

import numpy as np
import pytest

from models.image.palette import CAMVID_PALETTE, colour_labels, colour_table, spread_palette
from models.task import CLASS_NAMES, IGNORE_INDEX


def test_camvid_has_one_colour_per_class() -> None:
    assert len(set(CAMVID_PALETTE)) == len(CLASS_NAMES)
    assert CAMVID_PALETTE[CLASS_NAMES.index("road")] == (128, 64, 128)


def test_labels_take_their_colours_and_no_class_is_black() -> None:
    labels = np.array([[0, IGNORE_INDEX]], dtype=np.uint8)
    np.testing.assert_array_equal(
        colour_labels(labels, CAMVID_PALETTE), [[[128, 128, 128], [0, 0, 0]]]
    )


def test_a_hundred_classes_get_a_hundred_colours() -> None:
    assert len(set(spread_palette(100))) == 100


def test_a_colour_for_no_class_is_refused() -> None:
    with pytest.raises(ValueError, match="256 colours, expected up to 255"):
        colour_table(spread_palette(256))
