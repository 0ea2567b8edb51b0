"""How yaw, pitch and roll turn frames.

Axes: n frames.
"""

import math

import numpy as np
from numpy.typing import NDArray

from training.data.synthetic.number import Number


def turn_right(x: Number, z: Number, yaw: Number) -> tuple[Number, Number]:
    """(x, z) turned about y, to the right: what was ahead, +z, comes to point along +x."""
    sin, cos = math.sin(yaw), math.cos(yaw)
    return x * cos + z * sin, z * cos - x * sin


def rotations(
    yaw: NDArray[np.float64], pitch: NDArray[np.float64], roll: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, 3, 3): first roll about z, then pitch about x, then yaw about y."""
    one, zero = np.ones_like(yaw), np.zeros_like(yaw)
    sy, cy, sp, cp = np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch)
    sr, cr = np.sin(roll), np.cos(roll)
    about_y = np.stack([cy, zero, sy, zero, one, zero, -sy, zero, cy], -1).reshape(-1, 3, 3)
    about_x = np.stack([one, zero, zero, zero, cp, -sp, zero, sp, cp], -1).reshape(-1, 3, 3)
    about_z = np.stack([cr, -sr, zero, sr, cr, zero, zero, zero, one], -1).reshape(-1, 3, 3)
    rotation: NDArray[np.float64] = about_y @ about_x @ about_z
    return rotation
