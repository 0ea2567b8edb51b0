"""Graphs of imported encoders answer at every size, and no table in them is resized."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession

from export.adapter import FrameGraph, folded
from export.gate import check_model
from export.trace import trace_frame
from models.config import ModelConfig, VitConfig
from tests.tiny_models import PUBLISHED, TINY, wild

pytestmark = [pytest.mark.compile, pytest.mark.slow]

SIZES = ((90, 150), (1, 1), (17, 100), (130, 33), (48, 80))
FORBIDDEN = {"TopK", "NonZero", "If", "Loop", "EyeLike", "ScatterND", "ScatterElements"}


def graph(backbone: VitConfig) -> FrameGraph:
    rest = replace(TINY["vit"], flow=None)
    config: ModelConfig = replace(rest, backbone=backbone)
    return FrameGraph(folded(wild(config)))


@pytest.mark.parametrize("form", sorted(PUBLISHED))
def test_a_graph_answers_like_pytorch_at_every_size(form: str) -> None:
    frame = graph(PUBLISHED[form])
    traced = trace_frame(frame)
    check_model(traced.model, traced.axes)
    nodes = Counter(node.op_type for node in traced.model.graph.node)
    assert not FORBIDDEN & nodes.keys()
    backbone = TINY["vit"].backbone
    assert isinstance(backbone, VitConfig)
    session = InferenceSession(traced.model.SerializeToString())
    generator = np.random.default_rng(0)
    for height, width in SIZES:
        # Two images, the second smaller: its positions come from its own size.
        image = generator.integers(0, 256, (2, height, width, 3), np.uint8)
        size = np.array([[height, width], [(height + 1) // 2, (width + 1) // 2]])
        found = session.run(None, {"image": image, "size": size})
        with torch.no_grad():
            expected = frame(torch.from_numpy(image), torch.from_numpy(size))
        names = dict(zip(frame.output_names, zip(found, expected, strict=True), strict=True))
        for index, (h, w) in enumerate(size):
            for name in ("depth", "label_confidence"):
                got, want = names[name]
                np.testing.assert_allclose(
                    got[index, :h, :w],
                    want.numpy()[index, :h, :w],
                    rtol=2e-3,
                    atol=2e-3,
                    err_msg=f"{name} at {height}x{width}",
                )


def test_a_table_of_positions_adds_no_resize_to_the_graph() -> None:
    without = replace(PUBLISHED["table"], position_grid=None)

    def resizes(backbone: VitConfig) -> int:
        nodes = trace_frame(graph(backbone)).model.graph.node
        return sum(node.op_type in ("Resize", "Upsample", "GridSample") for node in nodes)

    assert resizes(PUBLISHED["table"]) == resizes(without)
