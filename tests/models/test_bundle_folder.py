"""A bundle is read whole or not at all."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.bundle import BundleError
from models.bundle_folder import read_bundle, write_bundle
from tests.toy_bundle import toy_bundle, write_toy_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_toy_bundle(tmp_path)
    return tmp_path


def edit(folder: Path, **changes: Any) -> None:
    manifest = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(manifest | changes))


def test_what_was_written_is_read(folder: Path) -> None:
    (folder / "MODEL_CARD.md").write_text("# Toy")
    written = write_bundle(folder, toy_bundle())
    assert read_bundle(folder) == written
    assert sorted(written.files) == ["MODEL_CARD.md", "flow.onnx", "frame.onnx"]
    assert written.files["MODEL_CARD.md"].bytes == 5


def test_a_digest_is_the_sha256_of_the_file(tmp_path: Path) -> None:
    write_toy_bundle(tmp_path)
    (tmp_path / "abc.txt").write_text("abc")
    bundle = write_bundle(tmp_path, toy_bundle())
    # The SHA-256 of "abc": FIPS 180-4, appendix B.
    assert bundle.files["abc.txt"].sha256 == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such file; a bundle is a folder"):
        read_bundle(tmp_path)


def test_an_edited_file_is_refused(folder: Path) -> None:
    graph = (folder / "frame.onnx").read_bytes()
    (folder / "frame.onnx").write_bytes(graph[:-1] + b"!")
    with pytest.raises(BundleError, match=r"frame\.onnx: SHA-256 is .* copy the whole bundle"):
        read_bundle(folder)


def test_a_half_copied_file_is_refused(folder: Path) -> None:
    (folder / "frame.onnx").write_bytes(b"half")
    with pytest.raises(BundleError, match=r"frame\.onnx: 4 bytes long"):
        read_bundle(folder)


def test_a_missing_file_is_refused(folder: Path) -> None:
    (folder / "flow.onnx").unlink()
    with pytest.raises(BundleError, match=r"flow\.onnx: missing"):
        read_bundle(folder)


def test_a_link_is_refused_even_to_the_right_content(folder: Path, tmp_path: Path) -> None:
    (folder / "frame.onnx").rename(tmp_path / "elsewhere.onnx")
    (folder / "frame.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(BundleError, match="is a link"):
        read_bundle(folder)
    with pytest.raises(BundleError, match="is a link"):
        write_bundle(folder, toy_bundle())


@pytest.mark.parametrize("path", ["../frame.onnx", "/etc/passwd", "a/../../b", "a\\b", ""])
def test_a_path_out_of_the_folder_is_refused(folder: Path, path: str) -> None:
    manifest = json.loads((folder / "bundle.json").read_text())
    edit(folder, files={**manifest["files"], path: {"sha256": "0", "bytes": 1}})
    with pytest.raises(BundleError, match="expected a path inside of the bundle"):
        read_bundle(folder)


def test_a_graph_without_a_digest_is_refused(folder: Path) -> None:
    edit(folder, files={})
    with pytest.raises(BundleError, match=r"graph frame\.onnx is not among the listed files"):
        read_bundle(folder)


def mixed(folder: Path) -> None:
    """Give flow a second file, for bf16."""
    shutil.copy(folder / "flow.onnx", folder / "flow.bf16.onnx")
    bundle = toy_bundle()
    flow = replace(
        bundle.graphs["flow"], precisions=("bf16", "f32"), mixed={"bf16": "flow.bf16.onnx"}
    )
    write_bundle(folder, toy_bundle(graphs={**bundle.graphs, "flow": flow}))


def test_a_graph_may_have_a_file_for_each_precision(folder: Path) -> None:
    mixed(folder)
    flow = read_bundle(folder).graphs["flow"]
    assert flow.files == ("flow.onnx", "flow.bf16.onnx")
    assert (flow.file_for("bf16"), flow.file_for("f32")) == ("flow.bf16.onnx", "flow.onnx")
    (folder / "flow.bf16.onnx").write_bytes(b"another")
    with pytest.raises(BundleError, match=r"flow\.bf16\.onnx: 7 bytes long, bundle\.json lists"):
        read_bundle(folder, graphs_only=True)


def test_another_format_version_is_refused(folder: Path) -> None:
    edit(folder, format_version=3)
    with pytest.raises(BundleError, match="format_version is 3, this program reads 2"):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stride": "16"}, r"bundle\.json: stride: is '16', expected <class 'int'>"),
        ({"stride": True}, "stride: is True"),
        ({"tasks": "depth"}, "tasks: is 'depth'"),
        ({"mean": [0.5, 0.5]}, "mean: is"),
        ({"scores": {"miou": None}}, "scores: miou: is None"),
        ({"training": {"recipe": "x", "data": []}}, r"training: has too many \[\] and lacks"),
        ({"colour": 1}, r"too many \['colour'\]"),
        ({"name": "../up"}, r"name is '\.\./up'"),
        ({"palette": []}, "palette has 0 colours, expected 11"),
        ({"tasks": ["segmentation", "depth"]}, r"expected \['frame'\]"),
        ({"tasks": ["pose"]}, r"tasks are \['pose'\]"),
        ({"depth": None}, "depth is None with tasks"),
    ],
)
def test_wrong_json_is_named_by_its_place(
    folder: Path, changes: dict[str, Any], message: str
) -> None:
    edit(folder, **changes)
    with pytest.raises(BundleError, match=message):
        read_bundle(folder)


@pytest.mark.parametrize("text", ["{", "[]", '{"format_version": NaN}', "\x00"])
def test_what_is_no_manifest_is_refused(folder: Path, text: str) -> None:
    (folder / "bundle.json").write_text(text)
    with pytest.raises(BundleError, match=r"bundle\.json: "):
        read_bundle(folder)


def test_a_graph_with_another_signature_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / "bundle.json").read_text())
    manifest["graphs"]["frame"]["inputs"][0]["dtype"] = "float32"
    edit(folder, graphs=manifest["graphs"])
    with pytest.raises(BundleError, match=r"graph frame\.onnx: inputs are .*'image': 'float32'"):
        read_bundle(folder)


def test_flow_takes_each_of_the_frames_features_twice(folder: Path) -> None:
    manifest = json.loads((folder / "bundle.json").read_text())
    del manifest["graphs"]["flow"]["inputs"][0]
    edit(folder, graphs=manifest["graphs"])
    with pytest.raises(BundleError, match=r"graph flow\.onnx: inputs are .* expected .*first_4"):
        read_bundle(folder)


def test_a_manifest_is_not_written_for_missing_graphs(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"expected \['flow.onnx', 'frame.onnx'\]"):
        write_bundle(tmp_path, toy_bundle())
