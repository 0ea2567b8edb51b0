"""The property that the house stands on: padding and batch mates never matter."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.dense_model import DenseModel
from models.heads.depth import depth_at_full_size
from models.heads.segmentation import labels_at_full_size
from models.windows import whole_images
from tests.tiny_models import TINY, wild

sizes = st.tuples(st.integers(1, 75), st.integers(1, 75))


MODELS = {name: wild(config) for name, config in TINY.items()}


@torch.no_grad()
def every_map(model: DenseModel, pair: Tensor, size: Tensor) -> dict[str, Tensor]:
    """All outputs of a padded batch of pairs [2, b, h, w, 3], channels first."""
    first, second = (whole_images(image, size) for image in pair)
    encoded, maps = model.answer(first)
    following = model.encode(second)
    assert maps.logits is not None
    assert maps.depth is not None
    assert encoded.flow_features is not None
    assert following.flow_features is not None
    cells = encoded.placement.valid_cells(4)
    _, confidence = labels_at_full_size(maps.logits, cells)
    depth, uncertainty = depth_at_full_size(maps.depth, cells)
    flow = model.flow(encoded.flow_features, following.flow_features, encoded.placement)[-1]
    return {
        "confidence": confidence[:, None],
        "depth": depth[:, None],
        "uncertainty": uncertainty[:, None],
        "flow": flow.flow,
        "flow_error": flow.expected_error()[:, None],
    }


@pytest.mark.parametrize("family", sorted(TINY))
@settings(max_examples=25)
@given(size=sizes, mate=sizes, below=st.integers(0, 40), right=st.integers(0, 40))
def test_padding_and_batch_mates_never_matter(
    family: str, size: tuple[int, int], mate: tuple[int, int], below: int, right: int
) -> None:
    model = MODELS[family]
    generator = torch.Generator().manual_seed(size[0] * 1000 + size[1])
    height = max(size[0], mate[0]) + below
    width = max(size[1], mate[1]) + right
    noise = torch.randint(0, 256, (2, 2, height, width, 3), generator=generator)
    batch = noise.to(torch.uint8)  # padding holds whatever it holds
    together = every_map(model, batch, torch.tensor([size, mate]))
    h, w = size
    alone = every_map(model, batch[:, :1, :h, :w].contiguous(), torch.tensor([size]))
    for name, expected in alone.items():
        found = together[name][:1, :, :h, :w]
        expected = expected[:, :, :h, :w]
        scale = expected.abs().max().clamp(min=1.0)
        worst = (found - expected).abs().max() / scale
        assert worst <= 1e-4, f"{name}: {worst:.2e} relative at {size} with mate {mate}"


@pytest.mark.parametrize("family", sorted(TINY))
def test_the_promise_of_exact_sizes_changes_nothing(family: str) -> None:
    model = MODELS[family]
    size = torch.tensor([[32, 64]])
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (1, 32, 64, 3), dtype=torch.uint8, generator=generator)
    with torch.no_grad():
        masked = model.encode(whole_images(image, size)).pyramid
        bare = model.encode(whole_images(image, size, exact=True)).pyramid
    for stride, expected in bare.items():
        torch.testing.assert_close(masked[stride], expected, rtol=1e-4, atol=1e-4)
