"""Turns between channels-first and channels-last, as engines turn fastest.

Each result lies in memory in the order of its axes: the exported graph would guard the strides of a
view.
"""

import torch
from jaxtyping import Shaped
from torch import Tensor


def channels_last(x: Shaped[Tensor, "b c rows cols"]) -> Shaped[Tensor, "b rows cols c"]:
    """Inverse of `channels_first`.

    As a transposition of another kind: OpenVINO has a fast kernel for (0, 3, 1, 2) alone, 7 ms of
    CPU for 64 channels of 272x480 in bf16 against 24.
    """
    b, c, rows, cols = x.shape
    turned = copied(x.reshape(b, 1, c, rows * cols).permute(0, 3, 1, 2))
    return turned.reshape(b, rows, cols, c)


def channels_first(x: Shaped[Tensor, "b rows cols c"]) -> Shaped[Tensor, "b c rows cols"]:
    """Inverse of `channels_last`."""
    return copied(x.permute(0, 3, 1, 2))


def copied(x: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
    """The same numbers in the order of the axes."""
    return x.clone(memory_format=torch.contiguous_format)
