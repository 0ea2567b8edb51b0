"""The processes of one run, as torchrun starts them, and the little that they say to each other.

Without torchrun there is one, and the operations do nothing: no caller has two paths. Every process
runs the same code and calls the same operations in the same order, or all of them wait for nothing.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from training.data.share import Share

T = TypeVar("T")

TIMEOUT_S = 600.0
"""How long a process waits for the others before the run ends: one may be rendering its data."""


class ProcessError(OSError):
    """The processes of a run cannot work together, or have lost one of them."""


@dataclass(frozen=True, kw_only=True)
class Processes:
    """The processes of a run, and which one this is."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    """On this machine."""
    local_world_size: int = 1

    @property
    def is_first(self) -> bool:
        """The one that writes files and speaks."""
        return self.rank == 0

    @property
    def share(self) -> Share:
        """Its samples."""
        return Share(rank=self.rank, world_size=self.world_size)

    def gather(self, values: Sequence[int]) -> list[list[int]]:
        """Everybody's whole numbers, by rank."""
        own = torch.tensor(values, dtype=torch.int64)
        if self.world_size == 1:
            return [own.tolist()]
        found = [torch.empty_like(own) for _ in range(self.world_size)]
        with _explained():
            dist.all_gather(found, own)
        return [x.tolist() for x in found]

    @torch.no_grad()
    def add(self, tensors: Sequence[Tensor]) -> None:
        """Sums over all processes, in place and in one message."""
        if self.world_size == 1 or not tensors:
            return
        flat = torch.cat([x.flatten() for x in tensors])
        with _explained():
            dist.all_reduce(flat)
        parts = flat.split([x.numel() for x in tensors])
        torch._foreach_copy_(
            list(tensors), [part.view(x.shape) for part, x in zip(parts, tensors, strict=True)]
        )

    @torch.no_grad()
    def copy_from_first(self, tensors: Sequence[Tensor]) -> None:
        """The first process's values, in place."""
        if self.world_size == 1:
            return
        with _explained():
            for x in tensors:
                here = x.contiguous()
                dist.broadcast(here, src=0)
                x.copy_(here)

    def told_by_first(self, message: T) -> T:
        """What the first process says: plain values, not tensors."""
        if self.world_size == 1:
            return message
        box = [message]
        with _explained():
            dist.broadcast_object_list(box, src=0)
        return box[0]


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # gloo raises nothing more special
        raise ProcessError(
            f"process {os.environ.get('RANK')} of {os.environ.get('WORLD_SIZE')} no longer hears "
            f"the others ({str(error).split('. ')[0]}): what one of them said first is the cause; "
            f"the same command goes on from the last checkpoint"
        ) from error


def from_environment() -> Processes:
    """What torchrun says; one process without it.

    Raises:
        ProcessError: a part of torchrun's variables is missing or is no number.
    """
    if "WORLD_SIZE" not in os.environ:
        return Processes()
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    try:
        rank, world_size, local_rank, local_world_size = (int(os.environ[name]) for name in names)
    except (KeyError, ValueError) as error:
        raise ProcessError(
            f"WORLD_SIZE is set, but not all of {', '.join(names)} are numbers ({error}): start "
            f"with `torchrun --nproc-per-node N -m training RECIPE`"
        ) from None
    return Processes(
        rank=rank,
        world_size=world_size,
        local_rank=local_rank,
        local_world_size=local_world_size,
    )


@contextmanager
def joined(processes: Processes, device: torch.device) -> Iterator[None]:
    """The processes find each other, and part in the end.

    After an error they do not wait for each other: the process ends, and torchrun ends the rest.
    """
    if processes.world_size == 1:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    # Small messages between the CPUs go by gloo even where gradients go by NCCL.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, timeout=timedelta(seconds=TIMEOUT_S))
    yield
    dist.barrier()
    dist.destroy_process_group()


def device_of(name: str, processes: Processes) -> torch.device:
    """The process's own device.

    Args:
        name: "auto", "cpu" or "cuda".
        processes: each of those on a machine takes a GPU of its own.

    Raises:
        ProcessError: the machine has no GPU, or fewer than processes.
    """
    is_there = torch.cuda.is_available()
    if name == "cpu" or (name == "auto" and not is_there):
        return torch.device("cpu")
    if not is_there:
        raise ProcessError(
            "device is cuda, but PyTorch sees no GPU here: give --device cpu, or install the GPU "
            "build of PyTorch and a driver"
        )
    if processes.world_size == 1:
        return torch.device("cuda")
    num_gpus = torch.cuda.device_count()
    if processes.local_world_size > num_gpus:
        raise ProcessError(
            f"{processes.local_world_size} processes on a machine of {num_gpus} GPUs: give "
            f"torchrun --nproc-per-node {num_gpus}, or --device cpu"
        )
    return torch.device("cuda", processes.local_rank)
