"""The regression head learns a motion that matching would find by itself."""

import torch

from models.config import FlowConfig
from models.heads.regression_flow import MIN_SCALE_PX, SCALE_RANGE_PX, RegressionFlow
from models.windows import Placement

CONFIG = FlowConfig(
    head="regression",
    descriptor_channels=8,
    context_channels=8,
    hidden_channels=16,
    num_context_tokens=64,
)


def features(head: RegressionFlow, seed: int) -> dict[int, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    channels = sum(head.splits)
    return {
        stride: torch.randn(2, channels, 64 // stride, 96 // stride, generator=generator)
        for stride in (16, 8, 4)
    }


def placed(x: int = 0) -> Placement:
    origins = torch.tensor([[[0, x]], [[0, x]]])
    return Placement(origins=origins, canvas=torch.tensor([[64, 160]] * 2), valid=None)


def test_it_begins_with_no_motion_and_a_bounded_doubt() -> None:
    torch.manual_seed(0)
    head = RegressionFlow(CONFIG)
    first, second = features(head, 0), features(head, 1)
    coarse, full = head(first, second, placed(), placed(32))
    assert (coarse.stride, full.stride) == (4, 1)
    assert full.flow.shape == (2, 2, 64, 96)
    assert full.flow.abs().max() == 0
    middle = MIN_SCALE_PX + SCALE_RANGE_PX / 2
    torch.testing.assert_close(full.expected_error(), torch.full((2, 64, 96), middle))
    torch.nn.init.constant_(head.head.bias, 100.0)
    doubt = head(first, second, placed(), placed(32))[-1].expected_error()
    assert doubt.max() <= MIN_SCALE_PX + SCALE_RANGE_PX + 1e-4


def test_frame_2_and_the_place_of_its_windows_matter() -> None:
    torch.manual_seed(0)
    head = RegressionFlow(CONFIG)
    torch.nn.init.normal_(head.head.weight, std=0.1)
    first, second = features(head, 0), features(head, 1)
    flow = head(first, second, placed(), placed())[-1].flow
    assert (head(first, features(head, 2), placed(), placed())[-1].flow - flow).abs().max() > 1e-3
    assert (head(first, second, placed(), placed(64))[-1].flow - flow).abs().max() > 1e-3


def test_a_constant_motion_is_learned() -> None:
    torch.manual_seed(0)
    head = RegressionFlow(CONFIG)
    first, second = features(head, 0), features(head, 1)
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    for _ in range(60):
        flow = head(first, second, placed(), placed())[-1].flow
        error = (flow - torch.tensor([5.0, -3.0])[:, None, None]).abs().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    assert float(error.detach()) < 0.5
