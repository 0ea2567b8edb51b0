"""Which engine, which precision, and the sentence that says why."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from models.bundle import Bundle
from models.bundle_folder import read_bundle
from models.runtime.select import EngineError, choose_precisions, select_runtime
from tests.need import need
from tests.toy_bundle import toy_bundle


def bundle_with(**precisions: tuple[str, ...]) -> Bundle:
    bundle = toy_bundle()
    graphs = {name: replace(bundle.graphs[name], precisions=p) for name, p in precisions.items()}
    return replace(bundle, graphs=graphs)


@pytest.mark.parametrize(
    ("frame", "flow", "has_bf16", "expected"),
    [
        (("f32", "bf16"), ("f32", "bf16"), True, ("bf16", "f32")),
        (("f32", "bf16"), ("bf16", "f32"), True, ("bf16", "bf16")),
        (("f32", "bf16"), ("bf16", "f32"), False, ("f32", "f32")),
        (("f32",), ("f32",), True, ("f32", "f32")),
    ],
)
def test_bf16_is_for_frames_and_for_flow_that_prefers_it(
    frame: tuple[str, ...], flow: tuple[str, ...], has_bf16: bool, expected: tuple[str, str]
) -> None:
    bundle = bundle_with(frame=frame, flow=flow)
    chosen, _ = choose_precisions(bundle, precision="auto", has_bf16=has_bf16)
    assert (chosen["frame"], chosen["flow"]) == expected


def test_a_precision_that_nobody_checked_is_refused() -> None:
    with pytest.raises(EngineError, match=r"precision is 'f16', the bundle was checked in \['f32'"):
        choose_precisions(toy_bundle(), precision="f16", has_bf16=True)
    with pytest.raises(EngineError, match="this CPU lacks it"):
        choose_precisions(
            bundle_with(frame=("bf16",), flow=("f32",)), precision="bf16", has_bf16=False
        )


def test_auto_takes_the_next_engine_and_says_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("onnxruntime")
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.delitem(sys.modules, "models.runtime.openvino", raising=False)
    selection = select_runtime(folder, read_bundle(folder), threads=1)
    assert selection.runtime.name == "onnxruntime"
    assert "openvino is not installed; onnxruntime" in selection.reason


def test_a_graph_that_no_engine_takes_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "frame.onnx").write_bytes(b"no graph")
    (tmp_path / "flow.onnx").write_bytes(b"no graph")
    with pytest.raises(EngineError, match="openvino does not load the bundle"):
        select_runtime(tmp_path, toy_bundle(), threads=1)


def test_an_unknown_engine_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="'tpu', expected auto or one of openvino, onnxruntime"):
        select_runtime(tmp_path, toy_bundle(), engine="tpu")
