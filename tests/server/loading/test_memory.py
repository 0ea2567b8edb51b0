"""The limit that memory sets, from files as Linux writes them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server.loading.memory import (
    BYTES_PER_PX,
    expected_bytes_per_px,
    forget_peak,
    free_bytes,
    max_pixels_in_memory,
    resident_bytes,
    total_bytes,
)

MEMINFO = "MemTotal:       24683000 kB\nMemAvailable:   10000000 kB\nHugePages_Total:       0\n"


@pytest.fixture
def linux(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "meminfo").write_text(MEMINFO)
    return {"meminfo": tmp_path / "meminfo", "cgroup": tmp_path}


def test_free_memory_of_the_machine_sets_the_limit(linux: dict[str, Any]) -> None:
    assert max_pixels_in_memory(500, **linux) == int(0.8 * 10000000 * 1024 / 500)


def test_the_hungriest_graph_counts_and_who_is_unknown_is_hungrier() -> None:
    slim = expected_bytes_per_px("openvino", ["bf16"])
    assert slim < expected_bytes_per_px("openvino", ["bf16", "f32"])
    most = expected_bytes_per_px("another", ["f32"])
    assert most == max(BYTES_PER_PX.values())
    assert expected_bytes_per_px("onnxruntime", ["f16"]) == most


def test_a_container_may_have_less(linux: dict[str, Any]) -> None:
    alone = max_pixels_in_memory(1300, **linux)
    (linux["cgroup"] / "memory.max").write_text("max\n")
    (linux["cgroup"] / "memory.current").write_text("100\n")
    assert max_pixels_in_memory(1300, **linux) == alone
    (linux["cgroup"] / "memory.max").write_text(f"{100 + 1300 * 1000}\n")
    assert max_pixels_in_memory(1300, **linux) == 800
    (linux["cgroup"] / "memory.max").write_text("50\n")
    assert max_pixels_in_memory(1300, **linux) == 0


def test_all_memory_is_the_machines_or_the_containers(linux: dict[str, Any]) -> None:
    assert total_bytes(**linux) == 24683000 * 1024
    (linux["cgroup"] / "memory.max").write_text("max\n")
    assert total_bytes(**linux) == 24683000 * 1024
    (linux["cgroup"] / "memory.max").write_text("1000\n")
    assert total_bytes(**linux) == 1000
    nowhere = linux["cgroup"] / "no"
    assert total_bytes(meminfo=nowhere, cgroup=nowhere) == float("inf")


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
    assert max_pixels_in_memory(1300, meminfo=tmp_path / "no", cgroup=tmp_path) > 10**12


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
