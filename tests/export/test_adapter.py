"""The exported modules answer as the network does, in PyTorch, before any engine is asked."""

import numpy as np
import pytest
import torch

from export.adapter import FEATURE_NAMES, FlowGraph, FrameGraph, PairGraph, folded
from export.full_size import FullSize
from models.runtime.eager import EagerRuntime
from models.spatial import upsample
from tests.tiny_models import TINY, wild

SIZES = np.array([[40, 70], [33, 21]])
FRAMES = np.random.default_rng(0).integers(0, 256, (2, 40, 70, 3), np.uint8)


@pytest.mark.parametrize("family", sorted(TINY))
@torch.no_grad()
def test_graphs_answer_like_the_model(family: str) -> None:
    model = wild(TINY[family])
    reference = EagerRuntime(model)
    expected = reference.frame(FRAMES, SIZES)
    frame = FrameGraph(folded(model))
    outputs = frame(torch.tensor(FRAMES), torch.tensor(SIZES))
    found = dict(zip(frame.output_names, outputs, strict=True))
    for index, (h, w) in enumerate(SIZES):
        for name in ("labels", "label_confidence", "depth", "depth_uncertainty"):
            want = getattr(expected, name)[index, :h, :w]
            got = found[name].numpy()[index, :h, :w]
            np.testing.assert_allclose(got, want, rtol=2e-3, atol=1e-4, err_msg=name)
    flow_graph = FlowGraph(frame.model)
    features = [found[f"features_{name}"] for name in FEATURE_NAMES]
    swapped_features = [x.flip(0) for x in features]
    flow, error = flow_graph(features, swapped_features, torch.tensor(SIZES[[1, 1]]))
    swapped = type(expected.features)(
        levels={name: x.flip(0) for name, x in expected.features.levels.items()}
    )
    want_flow = reference.flow(expected.features, swapped, SIZES[[1, 1]])
    h, w = SIZES[1]
    np.testing.assert_allclose(flow[:, :h, :w], want_flow.flow[:, :h, :w], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(
        error[:, :h, :w], want_flow.flow_uncertainty[:, :h, :w], rtol=5e-3, atol=1e-3
    )


@torch.no_grad()
def test_products_in_bfloat16_keep_places_in_float32() -> None:
    torch.manual_seed(0)
    model = wild(TINY["lookup"])
    frame = FrameGraph(folded(model))
    size = torch.tensor([[40, 70]])
    image = torch.tensor(FRAMES[:1])
    features, following = (
        frame(x, size)[-len(FEATURE_NAMES) :] for x in (image, image.roll(3, dims=2))
    )
    exact, _ = FlowGraph(frame.model)(features, following, size)
    mixed = FlowGraph(folded(model, flow_dtype=torch.bfloat16))
    found, error = mixed(features, following, size)
    assert found.dtype == torch.float32
    assert error.dtype == torch.float16
    gap = (found - exact)[:, :40, :70].abs()
    # Of flow that is 10 px wide: eight bits for each product, but not for their sum.
    assert exact.abs().max() > 2
    assert 0 < gap.mean() < 0.02 * exact.abs().max()


@torch.no_grad()
def test_the_single_file_holds_both_graphs() -> None:
    model = folded(wild(TINY["lookup"]))
    pair = PairGraph(model)
    image, size = torch.tensor(FRAMES), torch.tensor(SIZES)
    found = dict(zip(pair.output_names, pair(image, image.flip(2), size), strict=True))
    frame = FrameGraph(model)
    alone = dict(zip(frame.output_names, frame(image, size), strict=True))
    assert torch.equal(found["labels"], alone["labels"])
    assert found["flow"].shape == (2, 40, 70, 2)


def test_folding_leaves_the_model_itself_alone() -> None:
    model = wild(TINY["lookup"])
    before = {name: value.clone() for name, value in model.state_dict().items()}
    folded(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@torch.no_grad()
def test_enlargement_is_bilinear_and_repeats_the_border_of_each_image() -> None:
    x = torch.rand(2, 3, 5, 7)
    cells = torch.tensor([[5, 7], [2, 3]])
    inside = (torch.arange(5)[:, None] < cells[:, :1, None]) & (
        torch.arange(7) < cells[:, 1:, None]
    )
    found = FullSize().smooth(x, inside)
    expected = upsample(x, 4, cells)
    for index, (rows, cols) in enumerate(cells.tolist()):
        part = (index, slice(None), slice(rows * 4), slice(cols * 4))
        torch.testing.assert_close(found[part], expected[part])
