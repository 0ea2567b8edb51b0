"""How much memory this process holds: of its GPU, or resident where it runs on the CPU."""

import resource
from dataclasses import dataclass
from pathlib import Path

import torch

MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Memory:
    """MiB. Worker processes that prepare data are not counted."""

    of: str
    """ "GPU" or "resident"."""
    current_mib: float
    peak_mib: float
    """Since the process began."""

    def __str__(self) -> str:
        return f"{self.of} {self.current_mib:.0f} MiB, peak {self.peak_mib:.0f}"


def read_memory(device: torch.device) -> Memory:
    """What the process holds now, and the most that it held."""
    if device.type == "cuda":
        return Memory(
            of="GPU",
            current_mib=torch.cuda.memory_allocated(device) / MIB,
            peak_mib=torch.cuda.max_memory_allocated(device) / MIB,
        )
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB
    statm = Path("/proc/self/statm")
    current_mib = peak_mib
    if statm.is_file():  # Linux alone; its second number is resident pages
        current_mib = int(statm.read_text().split()[1]) * resource.getpagesize() / MIB
    # The kernel updates the peak less often than the current value.
    return Memory(of="resident", current_mib=current_mib, peak_mib=max(peak_mib, current_mib))
