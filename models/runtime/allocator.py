"""Settings of the C library's allocator. They do nothing where that is not glibc."""

import ctypes
import os
import sys

M_TRIM_THRESHOLD = -1  # from malloc.h
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8


def keep_freed_memory() -> None:
    """Keep freed memory in the process instead of giving it back to the kernel after each tensor.

    A training step on a CPU frees and takes the same large blocks thousands of times, and each new
    page has to be zeroed by the kernel.
    """
    _set(M_MMAP_THRESHOLD, 2**30)
    _set(M_TRIM_THRESHOLD, 2**31 - 1)


def share_arena() -> None:
    """Let all threads take memory from one place. Before they are started.

    By default each has one to itself, up to eight per core, where it keeps what others could use: a
    server that decodes, computes and encodes in different threads takes a quarter more and grows
    for a long time. What the operator has chosen stays.
    """
    chosen = "MALLOC_ARENA_MAX" in os.environ or "arena_max" in os.environ.get("GLIBC_TUNABLES", "")
    if not chosen:
        _set(M_ARENA_MAX, 1)


def _set(option: int, value: int) -> None:
    if sys.platform == "linux":
        c = ctypes.CDLL(None)
        if hasattr(c, "mallopt"):
            c.mallopt(option, value)
