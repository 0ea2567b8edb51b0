"""The one representation of images in torch: windows of a canvas.

Training sees n windows of a large virtual canvas, inference one window: the whole image. Padding
lies below and to the right of the real pixels of a window and may hold anything.

Axes: b samples, n windows per sample, h w pixels, rows cols cells of a map, t cells of a sample.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

STRIDE = 16
"""Input pixels per cell of the coarsest encoder map: padded sides and origins are multiples."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where the windows of a batch lie and which of their pixels are real."""

    origins: Int[Tensor, "b n 2"]
    """Top-left corner (y, x) on the canvas, in pixels, multiples of the stride."""
    canvas: Int[Tensor, "b 2"]
    """(height, width) of the image that the windows were cut from, in pixels."""
    valid: Int[Tensor, "b n 2"] | None
    """(height, width) of the real pixels inside each window. None: every pixel is real."""

    def valid_cells(self, stride: int) -> Int[Tensor, "bn 2"] | None:
        """(rows, cols) of the cells of each window that hold a real pixel."""
        if self.valid is None:
            return None
        return (self.valid.flatten(0, 1) + (stride - 1)) // stride

    def inside(self, stride: int, rows: int, cols: int) -> Bool[Tensor, "bn rows cols"] | None:
        """True for the cells that hold a real pixel. None: all do."""
        cells = self.valid_cells(stride)
        if cells is None:
            return None
        row_inside = torch.arange(rows, device=cells.device) < cells[:, :1]
        col_inside = torch.arange(cols, device=cells.device) < cells[:, 1:]
        return row_inside[:, :, None] & col_inside[:, None, :]

    def num_cells(self, stride: int, rows: int, cols: int) -> Int[Tensor, " b"]:
        """Cells of all windows of a sample that hold a real pixel."""
        b, n = self.origins.shape[:2]
        cells = self.valid_cells(stride)
        if cells is None:
            return torch.full((b,), n * rows * cols, device=self.origins.device)
        return (cells[:, 0] * cells[:, 1]).reshape(b, -1).float().sum(1).long()

    def cell_rows_cols(
        self, stride: int, rows: int, cols: int
    ) -> tuple[Int[Tensor, "b t"], Int[Tensor, "b t"]]:
        """Row and column, on the canvas, of every cell of every window of a sample."""
        corner = self.origins // stride
        row = corner[..., :1] + torch.arange(rows, device=corner.device)
        col = corner[..., 1:] + torch.arange(cols, device=corner.device)
        # A sum, not expand: flattening repeated rows ties an exported graph to several columns.
        row, col = row[..., None] + 0 * col[:, :, None], 0 * row[..., None] + col[:, :, None]
        return row.flatten(1), col.flatten(1)


@dataclass(frozen=True, kw_only=True)
class Windows:
    """n windows of each of b canvases, all the same size; an image is the case n = 1."""

    pixels: Float[Tensor, "b n 3 h w"]
    """RGB in [0, 255]; h and w are multiples of the stride."""
    placement: Placement


def whole_images(
    image: UInt8[Tensor, "b h w 3"], size: Int[Tensor, "b 2"], *, exact: bool = False
) -> Windows:
    """Images of several sizes, padded below and right into one array, as one window each.

    Args:
        image: uint8 RGB. What lies outside an image's own size may be anything.
        size: real (height, width) of each image.
        exact: promise that every image fills h x w and that both are multiples of the stride, which
            saves the masking.
    """
    valid = None if exact else size[:, None]
    pixels = pad_to_stride(image).permute(0, 3, 1, 2).float()[:, None]
    origins = torch.zeros_like(size)[:, None]
    return Windows(pixels=pixels, placement=Placement(origins=origins, canvas=size, valid=valid))


def pad_to_stride(image: UInt8[Tensor, "b h w c"]) -> UInt8[Tensor, "b h2 w2 c"]:
    """Repeat the last row and column until both sides are multiples of the stride.

    By index instead of by padding: the exported graph then holds for every size, without a guard.
    """
    height, width = image.shape[1], image.shape[2]
    rows = torch.arange((height + STRIDE - 1) // STRIDE * STRIDE, device=image.device)
    cols = torch.arange((width + STRIDE - 1) // STRIDE * STRIDE, device=image.device)
    image = image.index_select(1, rows.clamp(max=height - 1))
    return image.index_select(2, cols.clamp(max=width - 1))
