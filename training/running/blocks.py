"""What is done to each block of a model: compiled, recomputed in the backward pass, or sharded.

A block is a piece that stands in a list or a dict of its parent and has layers of its own. Names of
parameters stay what they are, so checkpoints know nothing of it.
"""

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils.checkpoint import checkpoint

from training.running.distributed import Processes


def blocks_of(model: nn.Module) -> list[nn.Module]:
    """The repeated pieces of a model, where most of its parameters and activations are."""
    return [
        block
        for parent in model.modules()
        if isinstance(parent, nn.ModuleList | nn.ModuleDict)
        for block in parent.children()
        if next(block.children(), None) is not None
    ]


def recompute(model: nn.Module) -> None:
    """Keep only what enters each block; what happens inside is computed again going backward."""
    for block in blocks_of(model):
        forward = block.forward

        def again(*args: Any, _forward: Any = forward, **kwargs: Any) -> Any:
            return checkpoint(_forward, *args, use_reentrant=False, **kwargs)

        block.forward = again


def compile_blocks(model: nn.Module, *, backend: str = "inductor") -> None:
    """Kernels made for each kind of block, for every size at once. The first steps take minutes.

    Args:
        model: in training.
        backend: of torch.compile; "aot_eager" traces alone, without making kernels.
    """
    for block in blocks_of(model):
        block.forward = torch.compile(block.forward, dynamic=True, backend=backend)


def shard(root: nn.Module, processes: Processes, device: torch.device) -> None:
    """Each process keeps a part of every parameter, gradient and moment (FSDP2).

    A block's parameters are whole while it runs; those outside blocks while `root` does. `root` is
    what is called: gradients are averaged over the processes when its backward pass ends.
    """
    # A view is what some blocks return; nobody changes it in place, which is what FSDP2 fears.
    warnings.filterwarnings("ignore", message=".*returned a view tensor")
    mesh = init_device_mesh(device.type, (processes.world_size,))
    for block in blocks_of(root):
        if next(block.parameters(), None) is not None and not isinstance(block, FSDPModule):
            fully_shard(block, mesh=mesh)
    # The root too, as FSDP2 would not by itself: a batch that teaches nothing has no backward pass
    # to take its parameters apart again.
    fully_shard(root, mesh=mesh, reshard_after_forward=True)


def local(x: Tensor) -> Tensor:
    """This process's part of a sharded tensor; a plain one is its own."""
    return x.to_local() if isinstance(x, DTensor) else x


def whole(x: Tensor) -> Tensor:
    """All parts of a sharded tensor, joined; every process must ask."""
    return x.full_tensor() if isinstance(x, DTensor) else x


def split_like(x: Tensor, like: Tensor) -> Tensor:
    """A copy of the whole tensor `x` as `like` is kept: on its device, and sharded as it is."""
    moved = x.to(like.device, like.dtype, copy=True)
    if not isinstance(like, DTensor):
        return moved
    return distribute_tensor(moved, like.device_mesh, like.placements, src_data_rank=None)
