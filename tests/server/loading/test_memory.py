"""The limit that memory sets, from files as Linux writes them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server.loading.memory import (
    BYTES_PER_PX,
    forget_peak,
    free_bytes,
    max_pixels_in_memory,
    resident_bytes,
)

MEMINFO = "MemTotal:       24683000 kB\nMemAvailable:   10000000 kB\nHugePages_Total:       0\n"


@pytest.fixture
def linux(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "meminfo").write_text(MEMINFO)
    return {"meminfo": tmp_path / "meminfo", "cgroup": tmp_path}


def test_free_memory_of_the_machine_sets_the_limit(linux: dict[str, Any]) -> None:
    found = max_pixels_in_memory("onnxruntime", **linux)
    assert found == int(0.8 * 10000000 * 1024 / 450)
    assert max_pixels_in_memory("openvino", **linux) < found
    assert max_pixels_in_memory("another", **linux) == max_pixels_in_memory("openvino", **linux)


def test_a_container_may_have_less(linux: dict[str, Any]) -> None:
    alone = max_pixels_in_memory("openvino", **linux)
    (linux["cgroup"] / "memory.max").write_text("max\n")
    (linux["cgroup"] / "memory.current").write_text("100\n")
    assert max_pixels_in_memory("openvino", **linux) == alone
    (linux["cgroup"] / "memory.max").write_text(f"{100 + 1300 * 1000}\n")
    assert max_pixels_in_memory("openvino", **linux) == 800
    (linux["cgroup"] / "memory.max").write_text("50\n")
    assert max_pixels_in_memory("openvino", **linux) == 0


def test_files_that_a_container_has_read_count_as_free(linux: dict[str, Any]) -> None:
    (linux["cgroup"] / "memory.max").write_text("10000\n")
    (linux["cgroup"] / "memory.current").write_text("9000\n")
    assert free_bytes(**linux) == 1000
    (linux["cgroup"] / "memory.stat").write_text(
        "anon 2000\nfile 6500\nshmem 500\ninactive_file 4000\nactive_file 2000\n"
        "slab_reclaimable 300\nslab_unreclaimable 200\n"
    )
    assert free_bytes(**linux) == 1000 + 4000 + 2000 + 300


def test_where_nothing_is_known_nothing_is_limited(tmp_path: Path) -> None:
    assert max_pixels_in_memory("openvino", meminfo=tmp_path / "no", cgroup=tmp_path) > 10**12
    assert set(BYTES_PER_PX) == {"openvino", "onnxruntime"}


def test_what_was_measured_takes_the_place_of_the_benchmark(linux: dict[str, Any]) -> None:
    assert max_pixels_in_memory("openvino", bytes_per_px=400.0, **linux) == int(
        0.8 * 10000000 * 1024 / 400
    )


def test_the_process_knows_what_it_holds_and_held_at_most(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tx\nVmHWM:\t     300 kB\nVmRSS:\t     200 kB\n")
    (tmp_path / "clear_refs").write_text("")
    assert resident_bytes(tmp_path) == (200 * 1024, 300 * 1024)
    assert forget_peak(tmp_path)
    assert (tmp_path / "clear_refs").read_text() == "5"


def test_a_system_that_does_not_tell_is_not_asked_twice(tmp_path: Path) -> None:
    assert resident_bytes(tmp_path / "no") is None
    assert not forget_peak(tmp_path / "no")
    (tmp_path / "status").write_text("Name:\tx\n")
    assert resident_bytes(tmp_path) is None


def test_the_peak_of_this_process_is_forgotten() -> None:
    if not forget_peak():
        pytest.skip("this system does not let a process forget its peak")
    before = resident_bytes()
    ballast = np.ones(64 * 2**20, np.uint8)
    del ballast
    after = resident_bytes()
    assert before is not None
    assert after is not None
    assert after[1] - before[0] > 60 * 2**20
    assert forget_peak()
    forgotten = resident_bytes()
    assert forgotten is not None
    assert forgotten[1] < after[1] - 30 * 2**20
