"""Pictures over and beside pictures."""

import numpy as np
import pytest

from models.image.overlay import blend, side_by_side


def test_opacity_runs_from_the_image_to_the_colours() -> None:
    image = np.full((1, 1, 3), 100, dtype=np.uint8)
    colours = np.full((1, 1, 3), 200, dtype=np.uint8)
    found = [int(blend(image, colours, opacity=x)[0, 0, 0]) for x in (0.0, 0.25, 1.0)]
    assert found == [100, 125, 200]


def test_different_sizes_do_not_blend() -> None:
    with pytest.raises(ValueError, match="expected equal shapes"):
        blend(np.zeros((1, 2, 3), np.uint8), np.zeros((2, 1, 3), np.uint8), opacity=0.5)


def test_pictures_stand_beside_each_other_on_white() -> None:
    sheet = side_by_side([np.zeros((2, 1, 3), np.uint8), np.full((1, 2, 3), 7, np.uint8)], gap_px=1)
    np.testing.assert_array_equal(sheet[..., 0], [[0, 255, 7, 7], [0, 255, 255, 255]])
