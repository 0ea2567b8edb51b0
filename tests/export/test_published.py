"""Graphs of imported encoders answer at every size, and no table in them is resized."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession

from export.adapter import FrameGraph, folded
from export.gate import check_model
from export.trace import Traced, trace_frame
from tests.tiny_models import PUBLISHED, TINY, wild

pytestmark = [pytest.mark.compile, pytest.mark.slow]

SIZES = ((90, 150), (1, 1), (17, 100), (130, 33), (48, 80))
FORBIDDEN = {"Resize", "Upsample", "GridSample", "TopK", "NonZero", "If", "Loop", "EyeLike"}
EVERYTHING = replace(PUBLISHED["table"], rotary="image", num_register_tokens=3, num_blocks=1)
"""More than any published encoder has at once: one trace sees every branch."""


@pytest.fixture(scope="module")
def graph() -> tuple[FrameGraph, Traced]:
    """An encoder with a segmentation head, and its trace."""
    config = replace(TINY["vit"], backbone=EVERYTHING, flow=None, depth=None)
    frame = FrameGraph(folded(wild(config)))
    return frame, trace_frame(frame)


def test_a_graph_answers_like_pytorch_at_every_size(graph: tuple[FrameGraph, Traced]) -> None:
    frame, traced = graph
    check_model(traced.model, traced.axes)
    session = InferenceSession(traced.model.SerializeToString())
    confidence = frame.output_names.index("label_confidence")
    generator = np.random.default_rng(0)
    for height, width in SIZES:
        # Two images, the second smaller: its positions come from its own size.
        image = generator.integers(0, 256, (2, height, width, 3), np.uint8)
        size = np.array([[height, width], [(height + 1) // 2, (width + 1) // 2]])
        found = session.run(None, {"image": image, "size": size})[confidence]
        with torch.no_grad():
            expected = frame(torch.from_numpy(image), torch.from_numpy(size))[confidence].numpy()
        for index, (h, w) in enumerate(size):
            got, want = found[index, :h, :w], expected[index, :h, :w]
            np.testing.assert_allclose(got, want, atol=2e-3, err_msg=f"{height}x{width}")


def test_a_table_of_positions_is_arithmetic_in_the_graph(graph: tuple[FrameGraph, Traced]) -> None:
    _, traced = graph
    assert not FORBIDDEN & {node.op_type for node in traced.model.graph.node}
