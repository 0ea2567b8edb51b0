"""How much memory this process takes."""

import resource
from pathlib import Path

import torch

STATUS = Path("/proc/self/status")  # Linux


def peak_mib(device: torch.device) -> float:
    """Most memory so far, MiB: allocated on a GPU, resident on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    # Not getrusage: its peak is inherited from the process that started this one.
    kib = _status_kib("VmHWM")
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss if kib is None else kib) / 2**10


def resident_mib(device: torch.device) -> float:
    """Memory at this moment, MiB: allocated on a GPU, resident on a CPU."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device) / 2**20
    kib = _status_kib("VmRSS")
    return peak_mib(device) if kib is None else kib / 2**10


def _status_kib(key: str) -> float | None:
    if not STATUS.is_file():
        return None
    for line in STATUS.read_text().splitlines():
        if line.startswith(f"{key}:"):
            return float(line.split()[1])
    return None
