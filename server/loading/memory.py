"""How large an image may be before the engine runs out of memory."""

from pathlib import Path

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")  # control groups v2, as Docker and Kubernetes mount it

BYTES_PER_PX = {"openvino": 1300, "onnxruntime": 450}
"""Peak of a pair with three maps by the shipped model, per pixel of one frame (BENCHMARKS.md)."""
SHARE = 0.8
"""Of the free memory that one request may take."""


def max_pixels_in_memory(engine: str, *, meminfo: Path = MEMINFO, cgroup: Path = CGROUP) -> int:
    """Pixels of the largest pair that fits now. A larger one would end the process, not itself.

    Args:
        engine: name of the runtime; an unknown one is taken for the hungriest.
        meminfo: Linux's account of the machine; without it, any size fits.
        cgroup: the container's limits.
    """
    free = free_bytes(meminfo=meminfo, cgroup=cgroup)
    if free == float("inf"):
        return 2**62
    return int(SHARE * free / BYTES_PER_PX.get(engine, max(BYTES_PER_PX.values())))


def free_bytes(*, meminfo: Path = MEMINFO, cgroup: Path = CGROUP) -> float:
    """Memory that this process may still take; infinite where nobody says."""
    return min(_machine(meminfo), _container(cgroup))


def _machine(meminfo: Path) -> float:
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return float("inf")
    known = {name: rest.split()[0] for name, _, rest in (line.partition(":") for line in lines)}
    return float(known["MemAvailable"]) * 1024 if "MemAvailable" in known else float("inf")


def _container(cgroup: Path) -> float:
    try:
        limit = (cgroup / "memory.max").read_text(encoding="ascii").strip()
        used = (cgroup / "memory.current").read_text(encoding="ascii").strip()
    except OSError:
        return float("inf")
    return float("inf") if limit == "max" else max(float(limit) - float(used), 0.0)
