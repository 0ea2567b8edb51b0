"""Cores that a process may use."""

from pathlib import Path

import pytest

from models.runtime.cpu import usable_cores


@pytest.mark.parametrize(
    ("text", "expected"), [("100000 100000", 1), ("50000 100000", 1), ("nonsense", None)]
)
def test_a_containers_quota_counts(tmp_path: Path, text: str, expected: int | None) -> None:
    (tmp_path / "cpu.max").write_text(text)
    everything = usable_cores(tmp_path / "missing")
    assert usable_cores(tmp_path / "cpu.max") == (expected or everything)


def test_no_quota_is_all_cores(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("max 100000")
    assert usable_cores(tmp_path / "cpu.max") == usable_cores(tmp_path / "missing") >= 1
