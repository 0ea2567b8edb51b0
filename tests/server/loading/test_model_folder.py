"""What is found in a model folder, and what is left out."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.loading.model_folder import fingerprint, list_models, version_key


def bundle_at(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "bundle.json").write_text("{}")


def test_both_forms_are_found_by_name_newest_version_first(tmp_path: Path) -> None:
    for place in ("b/0.9", "b/0.10", "b/0.10-rc1", "a"):
        bundle_at(tmp_path / place)
    listing = list_models(tmp_path)
    assert [str(candidate) for candidate in listing.candidates] == [
        "a",
        "b@0.10",
        "b@0.10-rc1",
        "b@0.9",
    ]
    assert listing.problems == {}


def test_a_folder_without_bundle_json_is_a_problem_not_a_model(tmp_path: Path) -> None:
    bundle_at(tmp_path / "a" / "1")
    (tmp_path / "a" / "2").mkdir()
    (tmp_path / "b").mkdir()
    listing = list_models(tmp_path)
    assert [str(candidate) for candidate in listing.candidates] == ["a@1"]
    assert set(listing.problems) == {"a/2", "b"}
    assert "holds no bundle.json yet" in listing.problems["a/2"]


def test_hidden_folders_and_files_are_passed_by(tmp_path: Path) -> None:
    bundle_at(tmp_path / ".incoming" / "1")
    bundle_at(tmp_path / "a" / ".1.new")
    bundle_at(tmp_path / "a" / "1")
    (tmp_path / "README").write_text("read me")
    listing = list_models(tmp_path)
    assert [str(candidate) for candidate in listing.candidates] == ["a@1"]
    assert listing.problems == {}


def test_names_that_urls_cannot_hold_are_refused(tmp_path: Path) -> None:
    for name in ("a b", "x" * 65, "é"):
        bundle_at(tmp_path / name / "1")
    listing = list_models(tmp_path)
    assert listing.candidates == ()
    assert len(listing.problems) == 3
    assert "rename it" in listing.problems["a b"]


def test_links_that_leave_the_folder_are_refused_and_those_inside_are_followed(
    tmp_path: Path,
) -> None:
    root, outside = tmp_path / "models", tmp_path / "outside"
    bundle_at(root / "a" / "1")
    bundle_at(outside)
    (root / "a" / "2").symlink_to(outside)
    (root / "b").symlink_to(tmp_path)
    (root / "a" / "3").symlink_to(root / "a" / "1")
    (root / "c" / "1").mkdir(parents=True)
    (root / "c" / "1" / "bundle.json").symlink_to(outside / "bundle.json")
    listing = list_models(root)
    assert [str(candidate) for candidate in listing.candidates] == ["a@3", "a@1"]
    assert set(listing.problems) == {"a/2", "b", "c/1"}
    assert "is a link out of" in listing.problems["b"]


def test_one_model_in_both_forms_is_refused(tmp_path: Path) -> None:
    bundle_at(tmp_path / "a" / "1")
    (tmp_path / "a" / "bundle.json").write_text("{}")
    listing = list_models(tmp_path)
    assert listing.candidates == ()
    assert "one of the two" in listing.problems["a"]


def test_a_fingerprint_changes_with_every_write_and_with_nothing_else(tmp_path: Path) -> None:
    bundle_at(tmp_path / "a")
    first = fingerprint(tmp_path / "a")
    assert fingerprint(tmp_path / "a") == first
    (tmp_path / "a" / "bundle.json").write_text("{ }")
    second = fingerprint(tmp_path / "a")
    (tmp_path / "a" / "frame.onnx").write_text("")
    assert len({first, second, fingerprint(tmp_path / "a")}) == 3


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        list_models(tmp_path / "nowhere")


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=4), st.integers(0, 3))
def test_a_greater_number_in_any_place_is_a_newer_version(numbers: list[int], place: int) -> None:
    later = list(numbers)
    later[place % len(later)] += 1
    old, new = (".".join(map(str, each)) for each in (numbers, later))
    assert version_key(old) < version_key(new)
    assert version_key(f"{new}-rc1") < version_key(new)
    assert version_key(new) < version_key(f"{new}.1")
