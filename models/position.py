"""Rotary positions in two dimensions and the attention scale that follows the number of keys.

Axes: b samples, t tokens, d channels of one head, k frequencies.
"""

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

Rotation = tuple[Float[Tensor, "_ 1 _ _"], Float[Tensor, "_ 1 _ _"]]
"""[b, 1, t, d] each: cosine and sine of every channel of a head, shared by heads and blocks."""


def frequencies(head_dim: int, *, shortest: float, longest: float) -> list[float]:
    """Angular frequencies for one axis, their periods spaced geometrically, both ends included.

    A head has `head_dim` channels: half of them for y, half for x, two per frequency.
    """
    count = head_dim // 4
    ratio = (longest / shortest) ** (1 / max(count - 1, 1))
    return [2 * math.pi / (shortest * ratio**k) for k in range(count)]


def frequencies_of_base(head_dim: int, *, base: float) -> list[float]:
    """Angular frequencies base^(-k / K), k = 0 .. K - 1, of published rotary positions.

    K = head_dim / 4: half the channels for each axis, two per frequency (RoFormer, arXiv
    2104.09864, section 3.2.2).
    """
    count = head_dim // 4
    return [base ** (-k / count) for k in range(count)]


def rotation(
    y: Float[Tensor, "b t"], x: Float[Tensor, "b t"], omega: Float[Tensor, " k"]
) -> Rotation:
    """Angles of every channel at positions (y, x), in the unit of the frequencies."""
    angle = torch.cat([y[..., None] * omega, x[..., None] * omega], dim=-1)
    angle = torch.cat([angle, angle], dim=-1)[:, None]
    return angle.cos(), angle.sin()


def rotate(x: Float[Tensor, "b heads t d"], by: Rotation) -> Float[Tensor, "b heads t d"]:
    """Turn channel pairs (i, i + d/2) by their angle (RoFormer, arXiv 2104.09864, equation 34)."""
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], dim=-1)
    return x * by[0] + turned * by[1]


def log_scale(num_keys: Shaped[Tensor, " b"], *, reference: float) -> Float[Tensor, "b 1 1 1"]:
    """Factor for queries, log N / log N_ref: keeps the entropy of attention when N grows.

    Without it attention over a full image is flatter than over the windows of training
    (MemFlow, arXiv 2404.04808, section 3.4).
    """
    factor = torch.log(num_keys.float().clamp(min=2.0)) / math.log(reference)
    return factor[:, None, None, None]
