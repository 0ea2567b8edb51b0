"""How many cores this process may use, which is not how many the machine has."""

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup/cpu.max")  # control groups v2, as Docker and Kubernetes mount it


def usable_cores(cgroup: Path = CGROUP) -> int:
    """Cores by affinity and by the container's CPU quota, at least 1.

    An engine with more threads than its quota is stopped by the kernel in the middle of a layer.
    """
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    try:
        quota, period = cgroup.read_text(encoding="ascii").split()
    except (OSError, ValueError):  # not in a container, or control groups v1
        return cores
    if quota == "max":
        return cores
    return max(1, min(cores, int(quota) // int(period)))
