"""A file is there whole or not at all."""

from pathlib import Path

import pytest

from training.whole_file import whole_file, write_whole


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_whole(path, "old")
    with whole_file(path) as partial:
        partial.write_text("new, in")
        assert path.read_text() == "old"
        partial.write_text("new, in full")
    assert path.read_text() == "new, in full"
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.json"

    def interrupted() -> None:
        with whole_file(path) as partial:
            partial.write_text("ha")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_two_that_write_the_same_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with whole_file(path) as one, whole_file(path) as other:
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_utf_8(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", "Größe")
    assert (tmp_path / "a").read_bytes() == "Größe".encode()
