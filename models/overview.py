"""A small copy of every image, and maps carried between an image and its copy.

The copy's canvas has one fixed size, so that an image gives the same answer alone and in a batch.
An image that fits is copied as it is. Places are fractions of whole numbers throughout: an engine
that computes in bfloat16, whose steps are 1 above 128, finds the same ones.

Axes: b images, c channels, h w pixels, rows cols cells, n places along one axis.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from models.windows import Placement, Windows


def overview(images: Windows, side: int) -> Windows:
    """Shrink by area, so that the longest side is at most `side` pixels.

    Args:
        images: one window per canvas: the whole image.
        side: of the square canvas of the copies, in pixels, a multiple of the stride.
    """
    size = images.placement.canvas
    longest = size.amax(dim=1, keepdim=True).clamp(min=side)
    small = ((2 * side * size + longest) // (2 * longest)).clamp(min=1)
    pixels = images.pixels[:, 0]
    down = _area_weights(size[:, :1], small[:, :1], side, pixels.shape[2])
    across = _area_weights(size[:, 1:], small[:, 1:], side, pixels.shape[3])
    pixels = torch.matmul(torch.matmul(down[:, None], pixels), across[:, None].transpose(2, 3))
    origins = torch.zeros_like(images.placement.origins)
    placement = Placement(origins=origins, canvas=small, valid=small[:, None])
    return Windows(pixels=pixels[:, None], placement=placement)


def _area_weights(
    size: Int[Tensor, "b 1"], small: Int[Tensor, "b 1"], num_out: int, num_in: int
) -> Float[Tensor, "b num_out num_in"]:
    """The share of each pixel in each of `small` pixels that cover `size`; others are zero."""
    out = torch.arange(num_out, device=size.device)[:, None]
    pixel = torch.arange(num_in, device=size.device)
    size, small = size[..., None], small[..., None]
    # In units of 1 / small pixels.
    start = torch.maximum(out * size, pixel * small)
    end = torch.minimum((out + 1) * size, (pixel + 1) * small)
    common = ((end - start).clamp(min=0) * (out < small)).float()
    return common / size.float()


def average(
    x: Float[Tensor, "b c rows cols"],
    placement: Placement,
    copy: Placement,
    *,
    stride: int,
    like: Tensor,
) -> Float[Tensor, "b c rows2 cols2"]:
    """A map of the image on the grid of the copy's map: means over areas, zero outside.

    Args:
        x: of the image; anything outside of it.
        placement: of the image.
        copy: placement of its overview.
        stride: of both maps.
        like: a map with the rows and cols of the result.
    """
    num_cells = (placement.canvas + (stride - 1)) // stride
    for axis in range(2):
        size, small = placement.canvas[:, axis : axis + 1], copy.canvas[:, axis : axis + 1]
        cells = num_cells[:, axis : axis + 1]
        dim = 2 + axis
        cell = torch.arange(x.shape[dim], device=x.device)
        x = x.masked_fill(_along(cell >= cells, dim), 0.0)
        total = _running_sum(x, dim)
        # Edges of the copy's cells, in units of 1 / small cells of the image.
        edge = torch.arange(like.shape[dim] + 1, device=x.device) * size
        edge = edge.minimum(cells * small)
        whole = edge // small
        part = _along((edge - whole * small).float() / small.float(), dim)
        last = total.shape[dim] - 1
        before, after = _read(total, whole, dim), _read(total, (whole + 1).clamp(max=last), dim)
        total = before + part * (after - before)
        length = (edge[:, 1:] - edge[:, :-1]).float() / small.float()
        num = like.shape[dim]
        x = total.narrow(dim, 1, num) - total.narrow(dim, 0, num)
        x = x / _along(length.clamp(min=0.01), dim)
    return x


def enlarge(
    x: Float[Tensor, "b c rows2 cols2"],
    placement: Placement,
    copy: Placement,
    *,
    stride: int,
    like: Tensor,
) -> Float[Tensor, "b c rows cols"]:
    """A map of the copy read at every cell of the image's map: bilinear, the border repeats.

    Args:
        x: of the copy.
        placement: of the image.
        copy: placement of its overview.
        stride: of both maps.
        like: a map with the rows and cols of the result.
    """
    last = (copy.canvas + (stride - 1)) // stride - 1
    for axis in range(2):
        dim = 2 + axis
        size, small = placement.canvas[:, axis : axis + 1], copy.canvas[:, axis : axis + 1]
        cell = torch.arange(like.shape[dim], device=x.device)
        # In units of 1 / (2 size) cells of the copy, 0 at the centre of the first.
        place = ((2 * cell + 1) * small - size).clamp(min=0)
        place = place.minimum(2 * size * last[:, axis : axis + 1])
        whole = place // (2 * size)
        part = _along((place - whole * 2 * size).float() / (2 * size).float(), dim)
        before = _read(x, whole, dim)
        after = _read(x, (whole + 1).clamp(max=x.shape[dim] - 1), dim)
        x = before + part * (after - before)
    return x


def box_mean(
    x: Float[Tensor, "b c rows cols"], inside: Bool[Tensor, "b rows cols"], radius: int
) -> Float[Tensor, "b c rows cols"]:
    """The mean of the cells inside an image within `radius` rows and columns of each cell."""
    real = inside[:, None].to(x.dtype)
    total = _box_sum(x.masked_fill(~inside[:, None], 0.0), radius)
    return total / _box_sum(real, radius).clamp(min=1.0)


def _box_sum(x: Float[Tensor, "b c rows cols"], radius: int) -> Float[Tensor, "b c rows cols"]:
    """By running sums: engines that compute in bfloat16 pool in it too, but do not add in it."""
    for dim in (2, 3):
        num = x.shape[dim]
        cell = torch.arange(num, device=x.device)
        total = _running_sum(x, dim)
        after = total.index_select(dim, (cell + radius + 1).clamp(max=num))
        x = after - total.index_select(dim, (cell - radius).clamp(min=0))
    return x


def _running_sum(x: Float[Tensor, "b c _ _"], dim: int) -> Float[Tensor, "b c _ _"]:
    """The sum of everything before each place; one place more than x."""
    return torch.cat([torch.zeros_like(x.narrow(dim, 0, 1)), x.cumsum(dim=dim)], dim=dim)


def _along(x: Tensor, dim: int) -> Tensor:
    """[b, n] as [b, 1, n, 1] or [b, 1, 1, n]."""
    return x[:, None, :, None] if dim == 2 else x[:, None, None, :]


def _read(x: Float[Tensor, "b c _ _"], index: Int[Tensor, "b n"], dim: int) -> Tensor:
    """Other places of every image along one axis."""
    shape = [x.shape[0], x.shape[1], x.shape[2], x.shape[3]]
    shape[dim] = index.shape[1]
    return x.gather(dim, _along(index, dim).expand(shape))
