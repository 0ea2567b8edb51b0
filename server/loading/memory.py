"""How much memory is free, how much this process took at most, and what an engine needs."""

from collections.abc import Collection
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")  # control groups v2, as Docker and Kubernetes mount it
SELF = Path("/proc/self")

BYTES_PER_PX = {("openvino", "f32"): 1450, ("openvino", "bf16"): 800, ("onnxruntime", "f32"): 450}
"""Peak of a pair with three maps by the shipped model, per pixel of one frame (BENCHMARKS.md), by
engine and precision. What a running server measures takes its place."""
KEEPS_MEMORY = frozenset({"openvino"})
"""Engines that keep the memory of their largest call and run later ones in it; others give it back.
OpenVINO's own way to give it back, `release_memory`, corrupts its heap (2026.4.1)."""
SHARE = 0.8
"""Of the free memory that one request may take."""
RECLAIMABLE = ("inactive_file", "active_file", "slab_reclaimable")  # of memory.stat


def expected_bytes_per_px(engine: str, precisions: Collection[str]) -> int:
    """Before anything was measured; an unknown engine is taken for the hungriest.

    Args:
        engine: name of the runtime.
        precisions: of its graphs. The hungriest decides.
    """
    most = max(BYTES_PER_PX.values())
    return max(BYTES_PER_PX.get((engine, precision), most) for precision in precisions)


def max_pixels_in_memory(
    bytes_per_px: int,
    *,
    meminfo: Path = MEMINFO,
    cgroup: Path = CGROUP,
) -> int:
    """Pixels of the largest pair that fits now. A larger one would end the process, not itself.

    Args:
        bytes_per_px: that the engine needs.
        meminfo: Linux's account of the machine; without it, any size fits.
        cgroup: the container's limits.
    """
    free = free_bytes(meminfo=meminfo, cgroup=cgroup)
    if free == float("inf"):
        return 2**62
    return int(SHARE * free / bytes_per_px)


def free_bytes(*, meminfo: Path = MEMINFO, cgroup: Path = CGROUP) -> float:
    """That this process may still take; infinite where nobody says."""
    return min(_meminfo(meminfo).get("MemAvailable", float("inf")), _container(cgroup))


def total_bytes(*, meminfo: Path = MEMINFO, cgroup: Path = CGROUP) -> float:
    """That the machine or the container has; infinite where nobody says."""
    try:
        limit = (cgroup / "memory.max").read_text(encoding="ascii").strip()
    except OSError:
        limit = "max"
    container = float("inf") if limit == "max" else float(limit)
    return min(_meminfo(meminfo).get("MemTotal", float("inf")), container)


def resident_bytes(process: Path = SELF) -> tuple[int, int] | None:
    """What this process has in memory now, and had at most since `forget_peak`."""
    try:
        lines = (process / "status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    known = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
    if "VmRSS" not in known or "VmHWM" not in known:
        return None
    return int(known["VmRSS"][0]) * 1024, int(known["VmHWM"][0]) * 1024


def forget_peak(process: Path = SELF) -> bool:
    """Let the peak begin anew; false where the system does not offer it."""
    try:
        (process / "clear_refs").write_text("5", encoding="ascii")  # proc(5)
    except OSError:
        return False
    return True


def _meminfo(meminfo: Path) -> dict[str, float]:
    """Bytes by name; nothing on systems other than Linux."""
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    parted = (line.partition(":") for line in lines)
    return {name: float(rest.split()[0]) * 1024 for name, _, rest in parted}


def _container(cgroup: Path) -> float:
    try:
        limit = (cgroup / "memory.max").read_text(encoding="ascii").strip()
        used = (cgroup / "memory.current").read_text(encoding="ascii").strip()
    except OSError:
        return float("inf")
    if limit == "max":
        return float("inf")
    return max(float(limit) - float(used) + _reclaimable(cgroup), 0.0)


def _reclaimable(cgroup: Path) -> float:
    """What `memory.current` counts, but the kernel takes back before it ends a process: pages of
    files that were read or written. Without them, reading a large file would look like a leak."""
    try:
        lines = (cgroup / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    stat = dict(line.split(maxsplit=1) for line in lines)
    return sum(float(stat.get(name, 0)) for name in RECLAIMABLE)
