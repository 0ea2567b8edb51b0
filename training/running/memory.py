"""How much memory this process holds: of its GPU, or resident where it runs on the CPU."""

import resource
from dataclasses import dataclass
from pathlib import Path

import torch

MIB = 2**20
STATUS = Path("/proc/self/status")  # Linux


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
    status = _status_mib()
    # Not getrusage where it can be helped: its peak is inherited from the process that started this
    # one. Beyond Linux there is nothing else.
    peak_mib = status.get("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    current_mib = status.get("VmRSS") or peak_mib
    # The kernel updates the peak less often than the current value.
    return Memory(of="resident", current_mib=current_mib, peak_mib=max(peak_mib, current_mib))


def _status_mib() -> dict[str, float]:
    """What Linux says of this process's memory, by its names; elsewhere nothing."""
    if not STATUS.is_file():
        return {}
    words = [line.split() for line in STATUS.read_text().splitlines() if line.endswith(" kB")]
    return {name.rstrip(":"): float(kib) / 1024 for name, kib, _ in words}
