"""One picture of many answers: a row per input, columns image, segmentation, depth, flow."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

COLUMNS = ("image", "segmentation", "depth", "flow")
CELL_WIDTH_PX = 480
GAP_PX = 8
TITLE_PX = 28
PAPER = (250, 250, 250)
INK = (30, 30, 30)


def contact_sheet(rows: Sequence[tuple[str, Sequence[NDArray[np.uint8] | None]]]) -> Image.Image:
    """A sheet.

    Args:
        rows: a caption and one picture (h, w, 3) per column, None where there is none. Columns
            that are empty in every row are left out.
    """
    used = [i for i in range(len(COLUMNS)) if any(pictures[i] is not None for _, pictures in rows)]
    heights = [
        max(_cell_height(p) for p in pictures if p is not None) + TITLE_PX for _, pictures in rows
    ]
    width = len(used) * (CELL_WIDTH_PX + GAP_PX) + GAP_PX
    sheet = Image.new("RGB", (width, TITLE_PX + sum(heights) + GAP_PX), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(16)
    for column, i in enumerate(used):
        draw.text((_left(column), 6), COLUMNS[i], fill=INK, font=font)
    top = TITLE_PX
    for (caption, pictures), height in zip(rows, heights, strict=True):
        for column, i in enumerate(used):
            picture = pictures[i]
            if picture is None:
                continue
            cell = Image.fromarray(picture).resize(
                (CELL_WIDTH_PX, _cell_height(picture)), Image.Resampling.BOX
            )
            sheet.paste(cell, (_left(column), top))
        draw.text((GAP_PX, top + height - TITLE_PX + 4), caption, fill=INK, font=font)
        top += height
    return sheet


def _left(column: int) -> int:
    return GAP_PX + column * (CELL_WIDTH_PX + GAP_PX)


def _cell_height(picture: NDArray[np.uint8]) -> int:
    height, width = picture.shape[:2]
    return max(1, round(int(height) * CELL_WIDTH_PX / int(width)))
