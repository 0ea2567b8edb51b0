"""From plain names to the configuration and the parameters of our `vit`."""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.config import VitConfig
from training.foreign.blocks import build_block
from training.foreign.errors import ForeignError
from training.foreign.patches import for_our_pixels, resize_kernel
from training.foreign.positions import ROTARY_BASE, check_periods, split_table
from training.foreign.rename import Renamed
from training.foreign.source import PixelScale

PATCH_SIZE = 16


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A `vit` backbone, ready to be filled."""

    config: VitConfig
    state: dict[str, Tensor]
    """By the parameter names of VitBackbone, float32."""
    resampled: tuple[str, ...]
    """What has other sizes or values than in the file, as sentences."""


def build_encoder(
    renamed: Renamed,
    *,
    num_heads: int | None = None,
    grid: tuple[int, int] | None = None,
    pixel_scale: PixelScale,
) -> Encoder:
    """Configuration and parameters of a `vit` that computes what the foreign encoder computes.

    Args:
        renamed: its tensors.
        num_heads: where the family's table does not know it.
        grid: (rows, cols) of its table of positions, where it is not square.
        pixel_scale: of the images that it was trained on.

    Raises:
        ForeignError: a tensor is missing or has another shape than the others ask for.
    """
    tensors = {name: tensor.float() for name, tensor in renamed.tensors.items()}
    state, resampled = _patches(tensors, pixel_scale)
    embed_dim = state["patch.bias"].shape[0]
    heads = _num_heads(renamed, embed_dim, num_heads)
    rotary = renamed.family.rotary

    classes = [tensors.pop(name) for name in ("class_token", "second_token") if name in tensors]
    others = [tensors.pop("registers")] if "registers" in tensors else []
    tokens = [token.reshape(-1, embed_dim) for token in (*classes, *others)]
    registers = torch.cat(tokens) if tokens else torch.zeros(0, embed_dim)
    if "positions" in tensors:
        rotary = "none"
        before, table = split_table(
            tensors.pop("positions"),
            embed_dim=embed_dim,
            num_prefix=tuple(dict.fromkeys((0, len(classes), len(registers)))),
            grid=grid,
        )
        # A token before the patches has one place for ever: token and position are one constant.
        registers = torch.cat([registers[: len(before)] + before, registers[len(before) :]])
        state["table.table"] = table
        rows, cols = table.shape[:2]
        resampled.append(f"positions of {rows}x{cols} patches, read bicubically at other grids")
    elif rotary == "none":
        raise ForeignError("positions are missing: the file is not complete")
    elif embed_dim // heads % 4:
        raise ForeignError(
            f"{heads} heads of {embed_dim // heads} channels cannot turn, which takes 4 channels "
            f"at a time: give another --num-heads"
        )
    if "periods" in tensors:
        check_periods(tensors.pop("periods"), embed_dim // heads)
    if len(registers):
        state["registers"] = registers
    for name in ("norm.weight", "norm.bias"):
        state[name] = _take(tensors, name)
    given = [_inside(tensors, f"blocks.{index}.") for index in range(renamed.num_blocks)]
    for index in range(renamed.num_blocks):
        state |= build_block(
            tensors, f"blocks.{index}.", num_heads=heads, patch_units=rotary == "patches"
        )
    # A bias that no block has is zero; one that some lack was lost.
    _check_alike(given, renamed)
    hidden = state["blocks.0.mlp_out.weight"].shape[-1]
    config = VitConfig(
        embed_dim=embed_dim,
        num_blocks=renamed.num_blocks,
        num_heads=heads,
        num_register_tokens=len(registers),
        mlp="swiglu" if state["blocks.0.mlp_in.weight"].shape[0] == 2 * hidden else "gelu",
        mlp_dim=None if hidden == 4 * embed_dim else hidden,
        layer_scale="blocks.0.gain_mlp" in state,
        norm_eps=renamed.family.norm_eps,
        rotary=rotary,
        rotary_base=ROTARY_BASE,
        position_grid=(rows, cols) if "table.table" in state else None,
        log_scale=False,
    )
    return Encoder(config=config, state=state, resampled=tuple(resampled))


def _patches(
    tensors: dict[str, Tensor], pixel_scale: PixelScale
) -> tuple[dict[str, Tensor], list[str]]:
    kernel = _take(tensors, "patch.weight")
    if kernel.ndim != 4 or kernel.shape[1] != 3 or kernel.shape[2] != kernel.shape[3]:
        raise ForeignError(
            f"the patch kernel is {tuple(kernel.shape)}, expected (channels, 3, p, p): only square "
            f"patches of RGB images can be imported"
        )
    bias = _take(tensors, "patch.bias")
    old = kernel.shape[-1]
    resampled: list[str] = []
    if old != PATCH_SIZE:
        resampled.append(f"patch kernel of {old}x{old} pixels, now {PATCH_SIZE}x{PATCH_SIZE}")
    scaled, shifted = for_our_pixels(kernel, bias, pixel_scale)
    if scaled is not kernel:
        resampled.append(f"patch kernel for pixels of mean {pixel_scale.mean}, now ImageNet's")
    return {"patch.weight": resize_kernel(scaled, PATCH_SIZE), "patch.bias": shifted}, resampled


def _num_heads(renamed: Renamed, embed_dim: int, given: int | None) -> int:
    heads = given or renamed.family.heads.get(embed_dim)
    if heads is None:
        raise ForeignError(
            f"how many heads has a {renamed.family.name} encoder of {embed_dim} channels? its "
            f"state dict does not say and it is none of {sorted(renamed.family.heads)}: give "
            f"--num-heads"
        )
    if embed_dim % heads:
        raise ForeignError(f"{heads} heads do not divide {embed_dim} channels: give --num-heads")
    return heads


def _inside(tensors: dict[str, Tensor], start: str) -> set[str]:
    return {name.removeprefix(start) for name in tensors if name.startswith(start)}


def _check_alike(blocks: list[set[str]], renamed: Renamed) -> None:
    for index, names in enumerate(blocks):
        if odd := sorted(names ^ blocks[0]):
            some = [f"blocks.{index}.{name}" for name in odd[:3]]
            raise ForeignError(
                f"blocks of the {renamed.family.name} encoder are not alike, e.g. {some} is not in "
                f"all of them: the file is not complete, or of another kind of network"
            )


def _take(tensors: dict[str, Tensor], name: str) -> Tensor:
    if name not in tensors:
        raise ForeignError(f"{name} is missing: the file is not complete")
    return tensors.pop(name)
