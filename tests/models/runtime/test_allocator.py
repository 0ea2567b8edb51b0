"""Threads share one place to take memory from, unless the operator says otherwise."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

COUNT_ARENAS = """
import ctypes, sys, threading
from models.runtime.allocator import share_arena

share_arena()
c = ctypes.CDLL(None)
c.malloc.restype = c.fopen.restype = ctypes.c_void_p
together = threading.Barrier(8)

def take():
    together.wait()
    c.malloc(ctypes.c_size_t(100))
    together.wait()

threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
file = ctypes.c_void_p(c.fopen(sys.argv[1].encode(), b"w"))
c.malloc_info(0, file)
c.fclose(file)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, 1),
        ({"MALLOC_ARENA_MAX": "5"}, 5),
        ({"GLIBC_TUNABLES": "glibc.malloc.arena_max=4"}, 4),
    ],
)
def test_eight_threads_share_an_arena(
    tmp_path: Path, chosen: dict[str, str], expected: int
) -> None:
    theirs = {"MALLOC_ARENA_MAX", "GLIBC_TUNABLES"}
    environment = {name: x for name, x in os.environ.items() if name not in theirs} | chosen
    told = tmp_path / "malloc.xml"
    command = [sys.executable, "-c", COUNT_ARENAS, str(told)]
    subprocess.run(command, check=True, timeout=60, env=environment)
    assert told.read_text().count("<heap nr=") == expected
