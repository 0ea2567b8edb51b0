"""Graphs whose weights lie in other files, and files that change under a loaded graph."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto
from onnx.external_data_helper import set_external_data

from models.bundle import BundleError
from models.bundle_folder import read_bundle, write_bundle
from models.external_data import external_files
from models.runtime.predictor import predict
from models.runtime.select import ENGINES, EngineError, select_runtime
from tests.toy_bundle import toy_bundle, write_toy_bundle

TEN = np.float32(10).tobytes()
OUTSIDE = ["../ten.bin", "sub/../../ten.bin", "{outside}", "linked.bin", "/proc/self/environ"]


def bundle_with_weights_in(folder: Path, location: str) -> None:
    """The toy, whose highest label stands in another file."""
    folder.mkdir()
    write_toy_bundle(folder)
    model = onnx.load(folder / "frame.onnx")
    (constant,) = (node for node in model.graph.node if node.output[0] == "highest")
    model.graph.node.remove(constant)
    weights = TensorProto(name="highest", data_type=TensorProto.FLOAT, raw_data=TEN)
    set_external_data(weights, location=location, offset=0, length=len(TEN))
    weights.ClearField("raw_data")
    model.graph.initializer.append(weights)
    (folder / "frame.onnx").write_bytes(model.SerializeToString())


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_inside_of_the_bundle_are_read(tmp_path: Path, engine: str) -> None:
    folder = tmp_path / "bundle"
    bundle_with_weights_in(folder, "ten.bin")
    (folder / "ten.bin").write_bytes(TEN)
    write_bundle(folder, toy_bundle())
    runtime = select_runtime(folder, read_bundle(folder), engine=engine, threads=1).runtime
    white = np.full((3, 4, 3), 255, dtype=np.uint8)
    labels = predict(runtime, white).labels
    assert labels is not None
    assert (labels == 10).all()


@pytest.mark.parametrize("location", OUTSIDE)
def test_weights_outside_of_the_bundle_are_refused(tmp_path: Path, location: str) -> None:
    folder, outside = tmp_path / "bundle", tmp_path / "ten.bin"
    outside.write_bytes(TEN)
    bundle_with_weights_in(folder, location.format(outside=outside))
    write_bundle(folder, toy_bundle())
    (folder / "linked.bin").symlink_to(outside)
    with pytest.raises(BundleError, match="reads weights from .* expected one of the listed"):
        read_bundle(folder)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("location", OUTSIDE[:4])
def test_no_engine_goes_there_either(tmp_path: Path, engine: str, location: str) -> None:
    folder, outside = tmp_path / "bundle", tmp_path / "ten.bin"
    outside.write_bytes(TEN)
    bundle_with_weights_in(folder, location.format(outside=outside))
    bundle = write_bundle(folder, toy_bundle())
    (folder / "linked.bin").symlink_to(outside)
    with pytest.raises(EngineError):
        select_runtime(folder, bundle, engine=engine, threads=1)


def test_weights_that_no_digest_covers_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    bundle_with_weights_in(folder, "ten.bin")
    write_bundle(folder, toy_bundle())
    (folder / "ten.bin").write_bytes(TEN)  # nobody would notice another value
    with pytest.raises(BundleError, match=r"frame.onnx: reads weights from 'ten.bin'"):
        read_bundle(folder)


def test_weights_that_were_edited_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    bundle_with_weights_in(folder, "ten.bin")
    (folder / "ten.bin").write_bytes(TEN)
    write_bundle(folder, toy_bundle())
    (folder / "ten.bin").write_bytes(np.float32(9).tobytes())
    with pytest.raises(BundleError, match=r"ten.bin: SHA-256 is"):
        read_bundle(folder)


def test_names_of_any_length_are_found(tmp_path: Path) -> None:
    graph = tmp_path / "graph.onnx"
    model = onnx.ModelProto()
    names = {"a", "b" * 127, "c" * 128, "d" * 4096, "sub/e.bin", "é"}
    for name in names:
        weights = model.graph.initializer.add(name=name, data_type=TensorProto.FLOAT, raw_data=TEN)
        set_external_data(weights, location=name)
    graph.write_bytes(model.SerializeToString())
    assert external_files(graph) == names
    graph.write_bytes(b"")
    assert external_files(graph) == frozenset()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("how", ["truncated", "zeroed", "removed"])
def test_what_is_loaded_does_not_depend_on_its_files_any_more(
    tmp_path: Path, engine: str, how: str
) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    write_toy_bundle(folder)
    runtime = select_runtime(folder, read_bundle(folder), engine=engine, threads=1).runtime
    assert str(folder) not in Path("/proc/self/maps").read_text(), "a cut would end the process"
    for graph in folder.glob("*.onnx"):
        size = graph.stat().st_size
        if how == "removed":
            graph.unlink()
        else:
            os.truncate(graph, 0)
            os.truncate(graph, size if how == "zeroed" else 0)
    for side in (5, 90):  # one more than it has seen
        image = np.full((side, side, 3), 60, dtype=np.uint8)
        answer = predict(runtime, image, image)
        np.testing.assert_array_equal(answer.depth, 60)
        np.testing.assert_array_equal(answer.flow, 0)
