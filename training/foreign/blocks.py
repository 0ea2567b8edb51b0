"""One transformer block: from plain names to the parameters of VitBlock."""

import torch
from torch import Tensor

from training.foreign.errors import ForeignError
from training.foreign.positions import regroup

LAYERS = ("norm_attention", "qkv", "out", "norm_mlp", "mlp_in", "mlp_out")


def build_block(
    tensors: dict[str, Tensor], start: str, *, num_heads: int, patch_units: bool
) -> dict[str, Tensor]:
    """Parameters of one block, taken out of `tensors`.

    Args:
        tensors: by plain name; what is used is removed.
        start: "blocks.<index>.".
        num_heads: of the encoder.
        patch_units: the encoder has CroCo's rotary positions.

    Raises:
        ForeignError: a tensor is missing.
    """
    inner = {name[len(start) :]: tensors[name] for name in tensors if name.startswith(start)}
    for name in inner:
        del tensors[start + name]
    _join(inner, ("q", "k", "v"), "qkv")
    if "value.weight" in inner and "gate.weight" not in inner:
        for kind in ("weight", "bias"):
            if f"value.{kind}" in inner:
                inner[f"mlp_in.{kind}"] = inner.pop(f"value.{kind}")
    _join(inner, ("gate", "value"), "mlp_in")
    mask = inner.pop("qkv.bias_mask", None)
    if mask is not None and "qkv.bias" in inner:
        # Zero for keys whatever the file says: a mask that was never filled holds NaN.
        q, _, v = inner["qkv.bias"].chunk(3)
        inner["qkv.bias"] = torch.cat([q, torch.zeros_like(q), v])
    for layer in LAYERS:
        weight = inner.get(f"{layer}.weight")
        if weight is None:
            raise ForeignError(f"{start}{layer}.weight is missing: the file is not complete")
        if not layer.startswith("norm"):
            inner.setdefault(f"{layer}.bias", torch.zeros(weight.shape[0]))
        elif f"{layer}.bias" not in inner:
            # A layer without a bias is one whose bias is zero; a norm without is another norm.
            raise ForeignError(f"{start}{layer}.bias is missing: the file is not complete")
    if patch_units:
        for kind in ("weight", "bias"):
            q, k, v = inner[f"qkv.{kind}"].chunk(3)
            inner[f"qkv.{kind}"] = torch.cat([regroup(q, num_heads), regroup(k, num_heads), v])
    return {start + name: tensor for name, tensor in inner.items()}


def _join(inner: dict[str, Tensor], parts: tuple[str, ...], whole: str) -> None:
    """Stack layers that read the same input into one; biases that are not there are zero."""
    weights = [inner.pop(f"{part}.weight", None) for part in parts]
    biases = [inner.pop(f"{part}.bias", None) for part in parts]
    there = [weight for weight in weights if weight is not None]
    if len(there) == len(parts):
        inner[f"{whole}.weight"] = torch.cat(there)
    if any(bias is not None for bias in biases) and f"{whole}.weight" in inner:
        size = inner[f"{whole}.weight"].shape[0] // len(parts)
        inner[f"{whole}.bias"] = torch.cat(
            [torch.zeros(size) if bias is None else bias for bias in biases]
        )
