"""Settings of the C library's allocator."""

import ctypes
import ctypes.util

M_TRIM_THRESHOLD = -1  # from malloc.h
M_MMAP_THRESHOLD = -3


def keep_freed_memory() -> None:
    """Keep freed memory in the process instead of giving it back to the kernel after each tensor.

    A training step on a CPU frees and takes the same large blocks thousands of times, and each new
    page has to be zeroed by the kernel. Does nothing where the C library is not glibc.
    """
    library = ctypes.util.find_library("c")
    if library is None:
        return
    c = ctypes.CDLL(library)
    if hasattr(c, "mallopt"):
        c.mallopt(M_MMAP_THRESHOLD, 2**30)
        c.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
