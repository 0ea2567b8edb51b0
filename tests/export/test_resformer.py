"""The resformer backbone through the gate, into ONNX, and asked at sizes that it was not traced at.

One head is enough: the others are those of tests/export/test_bundle.py.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime import InferenceSession

from export.adapter import FrameGraph, folded
from export.gate import check_model
from export.sizes import MIXED_BATCH, QUICK_SIZES
from export.storage import read_model, to_file
from export.trace import trace_frame
from models.image.sizes import pad_images
from models.runtime.eager import EagerRuntime
from tests.tiny_models import TINY, wild

pytestmark = [pytest.mark.compile, pytest.mark.slow]


def test_the_graph_answers_like_pytorch_at_every_size(tmp_path: Path) -> None:
    config = replace(TINY["resformer"], flow=None, segmentation=None)
    model = wild(config)
    graph = FrameGraph(folded(model))
    traced = trace_frame(graph)
    check_model(traced.model, traced.axes)
    operators = {node.op_type for node in traced.model.graph.node}
    assert not operators & {"TopK", "NonZero", "ScatterND", "ScatterElements", "If", "Loop"}
    onnx.save(to_file(traced, graph, config), tmp_path / "frame.onnx")
    session = InferenceSession(tmp_path / "frame.onnx")
    # The weights that lie in the file, rounded to float16, in PyTorch.
    reference = EagerRuntime(read_model(tmp_path, {"frame": "frame.onnx"}))
    rng = np.random.default_rng(0)
    for sizes in [*((size,) for size in QUICK_SIZES), MIXED_BATCH]:
        frames = [rng.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
        batch, size = pad_images(frames)
        expected = reference.frame(batch, size).depth
        found = session.run(["depth"], {"image": batch, "size": size})[0]
        assert expected is not None
        for index, (h, w) in enumerate(sizes):
            want, got = expected[index, :h, :w], found[index, :h, :w]
            worst = np.abs(got - want).max() / np.abs(want).max()
            assert worst < 1e-4, f"{worst:.1e} relative at {h}x{w}, alone or in {sizes}"
