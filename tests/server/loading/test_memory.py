"""The limit that memory sets, from files as Linux writes them."""

from pathlib import Path

import pytest

from server.loading.memory import BYTES_PER_PX, max_pixels_in_memory

MEMINFO = "MemTotal:       24683000 kB\nMemAvailable:   10000000 kB\nHugePages_Total:       0\n"


@pytest.fixture
def linux(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "meminfo").write_text(MEMINFO)
    return {"meminfo": tmp_path / "meminfo", "cgroup": tmp_path}


def test_free_memory_of_the_machine_sets_the_limit(linux: dict[str, Path]) -> None:
    found = max_pixels_in_memory("onnxruntime", **linux)
    assert found == int(0.8 * 10000000 * 1024 / 450)
    assert max_pixels_in_memory("openvino", **linux) < found
    assert max_pixels_in_memory("another", **linux) == max_pixels_in_memory("openvino", **linux)


def test_a_container_may_have_less(linux: dict[str, Path]) -> None:
    alone = max_pixels_in_memory("openvino", **linux)
    (linux["cgroup"] / "memory.max").write_text("max\n")
    (linux["cgroup"] / "memory.current").write_text("100\n")
    assert max_pixels_in_memory("openvino", **linux) == alone
    (linux["cgroup"] / "memory.max").write_text(f"{100 + 1300 * 1000}\n")
    assert max_pixels_in_memory("openvino", **linux) == 800
    (linux["cgroup"] / "memory.max").write_text("50\n")
    assert max_pixels_in_memory("openvino", **linux) == 0


def test_where_nothing_is_known_nothing_is_limited(tmp_path: Path) -> None:
    assert max_pixels_in_memory("openvino", meminfo=tmp_path / "no", cgroup=tmp_path) > 10**12
    assert set(BYTES_PER_PX) == {"openvino", "onnxruntime"}
