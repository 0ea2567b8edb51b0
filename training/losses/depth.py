"""What relative depth minimises: an error that no scale and shift of the map can change.

Axes: b samples, n windows, h w cells of the map.
"""

from typing import Final

import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor

MIN_KNOWN: Final = 32  # cells below which a sample says nothing about its scale
NUM_SCALES: Final = 4
GRADIENT_WEIGHT: Final = 0.5  # MiDaS, equation 12


def depth_loss(
    relative: Float[Tensor, "b n h w"],
    log_uncertainty: Float[Tensor, "b n h w"],
    target: Float[Tensor, "b n h w"],
) -> Float[Tensor, " b"]:
    """Scale-and-shift-invariant L1, its gradients at four scales, and the uncertainty's likelihood.

    Zero, with a gradient of zero, for a sample of which `knows_depth` says no.

    Args:
        relative: predicted inverse depth, of any scale and shift per sample.
        log_uncertainty: log of the expected absolute error, in the unit of `relative`.
        target: true inverse depth in 1/m, NaN where unknown.

    Source: MiDaS (arXiv 1907.01341), equations 5 to 7, 11 and 12: both maps are centred by their
    median and divided by their mean absolute deviation, over all windows of a sample. The gradient
    term is the mean over its scales, where equation 11 is the sum.
    """
    nothing = (relative + log_uncertainty).flatten(1).sum(1) * 0.0
    enough = knows_depth(target).nonzero()[:, 0]
    if not len(enough):
        return nothing
    relative, log_uncertainty = relative[enough], log_uncertainty[enough]
    target = target[enough]
    known = target.isfinite()
    num_known = _total(known)
    own, own_spread = normalise(relative, known)
    true, _ = normalise(target.nan_to_num(0.0), known)
    error = (own - true).masked_fill(~known, 0.0)
    loss = _total(error.abs()) / num_known
    loss = loss + GRADIENT_WEIGHT * _gradients(error, known)
    # The uncertainty learns from the error without pulling at it: Laplace, b = exp(log b).
    absolute = (error.abs() * own_spread[:, None, None, None]).detach()
    nll = log_uncertainty + (absolute + 1e-3) * (-log_uncertainty).exp()
    loss = loss + 0.05 * _total(nll * known) / num_known
    return nothing.index_add(0, enough, loss)


def knows_depth(target: Float[Tensor, "b n h w"]) -> Bool[Tensor, " b"]:
    """Whether enough of a sample is known to say something about its scale."""
    return target.isfinite().flatten(1).sum(1) >= MIN_KNOWN


def _total(x: Shaped[Tensor, "b n h w"]) -> Shaped[Tensor, " b"]:
    return x.flatten(1).sum(1)


def normalise(
    x: Float[Tensor, "b n h w"], known: Bool[Tensor, "b n h w"]
) -> tuple[Float[Tensor, "b n h w"], Float[Tensor, " b"]]:
    """A map without its scale and shift, which are unknown, and the scale that it had.

    Centred by the median and divided by the mean absolute deviation, both over the known cells of
    all windows of a sample.
    """
    flat = x.flatten(1).masked_fill(~known.flatten(1), torch.nan)
    middle = flat.nanmedian(dim=1).values
    spread = (flat - middle[:, None]).abs().nanmean(dim=1).clamp(min=1e-4)
    return (x - middle[:, None, None, None]) / spread[:, None, None, None], spread


def _gradients(
    error: Float[Tensor, "b n h w"], known: Bool[Tensor, "b n h w"]
) -> Float[Tensor, " b"]:
    total = _total(error) * 0.0
    for scale in range(NUM_SCALES):
        step = 2**scale
        e, k = error[..., ::step, ::step], known[..., ::step, ::step]
        for axis in (-1, -2):
            both = k.narrow(axis, 1, k.shape[axis] - 1) & k.narrow(axis, 0, k.shape[axis] - 1)
            slope = e.diff(dim=axis).abs() * both
            total = total + _total(slope) / _total(k).clamp(min=1)
    return total / NUM_SCALES
