"""The sheet stays small, whatever is on it."""

import numpy as np
import pytest

from server.answers.contact_sheet import CELL_WIDTH_PX, MAX_CELL_HEIGHT_PX, as_cell, contact_sheet


@pytest.mark.parametrize("shape", [(3000, 1), (1, 3000), (1, 1), (1080, 1920)])
def test_no_image_makes_a_huge_cell(shape: tuple[int, int]) -> None:
    cell = as_cell(np.zeros((*shape, 3), np.uint8))
    assert 1 <= cell.width <= CELL_WIDTH_PX
    assert 1 <= cell.height <= MAX_CELL_HEIGHT_PX


def test_empty_columns_are_left_out() -> None:
    cell = as_cell(np.full((54, 96, 3), 7, np.uint8))
    narrow = contact_sheet([("one", (cell, None, cell, None))])
    wide = contact_sheet([("one", (cell, None, cell, None)), ("two", (cell, cell, cell, cell))])
    assert narrow.width < 2.1 * CELL_WIDTH_PX < 4 * CELL_WIDTH_PX < wide.width
    assert wide.height > narrow.height
    assert narrow.getpixel((20, 40)) == (7, 7, 7)
