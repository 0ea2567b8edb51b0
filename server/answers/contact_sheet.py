"""One picture of many answers: a row per input, columns image, segmentation, depth, flow."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

COLUMNS = ("image", "segmentation", "depth", "flow")
CELL_WIDTH_PX = 480
MAX_CELL_HEIGHT_PX = 960
GAP_PX = 8
TITLE_PX = 28
PAPER = (250, 250, 250)
INK = (30, 30, 30)


Row = tuple[str, Sequence[Image.Image | None]]
"""A caption and one cell per column, None where there is none."""


def as_cell(picture: NDArray[np.uint8]) -> Image.Image:
    """(h, w, 3) in the size that a sheet shows it in: a sheet of many images stays small."""
    height, width = picture.shape[:2]
    scale = min(CELL_WIDTH_PX / width, MAX_CELL_HEIGHT_PX / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return Image.fromarray(picture).resize(size, Image.Resampling.BOX)


def contact_sheet(rows: Sequence[Row]) -> Image.Image:
    """A sheet. Columns that are empty in every row are left out."""
    used = [i for i in range(len(COLUMNS)) if any(cells[i] is not None for _, cells in rows)]
    heights = [max(c.height for c in cells if c is not None) + TITLE_PX for _, cells in rows]
    width = len(used) * (CELL_WIDTH_PX + GAP_PX) + GAP_PX
    sheet = Image.new("RGB", (width, TITLE_PX + sum(heights) + GAP_PX), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(16)
    for column, i in enumerate(used):
        draw.text((_left(column), 6), COLUMNS[i], fill=INK, font=font)
    top = TITLE_PX
    for (caption, cells), height in zip(rows, heights, strict=True):
        for column, i in enumerate(used):
            cell = cells[i]
            if cell is not None:
                sheet.paste(cell, (_left(column), top))
        draw.text((GAP_PX, top + height - TITLE_PX + 4), caption, fill=INK, font=font)
        top += height
    return sheet


def _left(column: int) -> int:
    return GAP_PX + column * (CELL_WIDTH_PX + GAP_PX)
