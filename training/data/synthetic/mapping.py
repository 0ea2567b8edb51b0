"""How a texture lies on a solid: metres across and up on the face that a point belongs to.

Axes: n points.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor


def across_and_up(
    x: Float[Tensor, " n"],
    y: Float[Tensor, " n"],
    z: Float[Tensor, " n"],
    half_x: Float[Tensor, " n"],
    half_y: Float[Tensor, " n"],
    half_z: Float[Tensor, " n"],
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"], tuple[Tensor, Tensor], Int64[Tensor, " n"]]:
    """Metres from the left and from the bottom edge of a face of the box around the solid.

    A point belongs to the face on the axis along which it is outermost (in local units), which
    wraps any shape like a box: no poles, no arc tangents.

    Returns:
        across, up in metres; the width and height of the face in metres; the axis, 0 to 2.
    """
    ax, ay, az = x.abs(), y.abs(), z.abs()
    on_x = (ax > ay) & (ax >= az)
    on_y = ~on_x & (ay > az)
    width = torch.where(on_x, half_z, half_x)
    height = torch.where(on_y, half_z, half_y)
    across = (torch.where(on_x, z, x) + 1) * width
    up = (torch.where(on_y, z, y) + 1) * height
    axis = torch.where(on_x, 0, torch.where(on_y, 1, 2))
    return across, up, (2 * width, 2 * height), axis
