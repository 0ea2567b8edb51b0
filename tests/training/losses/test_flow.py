"""The flow loss by hand-computed likelihoods."""

import math

import pytest
import torch

from models.heads.flow import FlowEstimate
from training.losses.flow import flow_loss


def estimate(flow: torch.Tensor, stride: int, logit: float = 50.0) -> FlowEstimate:
    b, _, rows, cols = flow.shape
    mixture = torch.tensor([logit, 1.0]).reshape(1, 2, 1, 1).expand(b, 2, rows, cols)
    return FlowEstimate(stride=stride, flow=flow, mixture=mixture)


def test_an_error_of_two_pixels_costs_log_two_plus_two() -> None:
    target = torch.zeros(1, 1, 4, 4, 2)
    found = flow_loss([estimate(torch.full((1, 2, 4, 4), 2.0), 1)], target)
    assert float(found) == pytest.approx(math.log(2) + 2.0, rel=1e-4)


def test_the_wide_laplacian_forgives_large_errors() -> None:
    target = torch.zeros(1, 1, 4, 4, 2)
    found = flow_loss([estimate(torch.full((1, 2, 4, 4), 10.0), 1, logit=-50.0)], target)
    assert float(found) == pytest.approx(math.log(2) + 1.0 + 10 / math.e, rel=1e-4)


def test_a_coarse_level_counts_quarters_of_its_cells_at_their_centres() -> None:
    target = torch.zeros(1, 1, 32, 32, 2)
    target[:, :, 7:9, 7:9] = 4.0  # around the centre of the first cell of stride 16
    found = flow_loss([estimate(torch.zeros(1, 2, 2, 2), 16)], target)
    assert float(found) == pytest.approx(math.log(2) + 0.25 * 4.0 / 4, rel=1e-4)


def test_a_cell_that_the_edge_cuts_is_measured_inside() -> None:
    target = torch.zeros(1, 1, 16, 80, 2)  # 80 = 64 + 16: the second cell's centre lies outside
    assert flow_loss([estimate(torch.zeros(1, 2, 1, 2), 64)], target).isfinite()


def test_unknown_and_absurd_motion_is_left_out() -> None:
    flow = torch.zeros(1, 2, 4, 4, requires_grad=True)
    target = torch.zeros(1, 1, 4, 4, 2)
    target[:, :, 0] = torch.nan
    target[:, :, 1] = 500.0
    flow_loss([estimate(flow + 1, 1)], target).backward()
    assert flow.grad is not None
    assert flow.grad.isfinite().all()
    assert flow.grad[:, :, :2].abs().max() == 0
    assert flow.grad[:, :, 2:].abs().min() > 0


def test_a_sample_is_divided_by_what_is_known_of_its_windows() -> None:
    target = torch.zeros(2, 2, 4, 4, 2)
    target[0, 1, 1:] = torch.nan  # sample 0: a whole window that is right, a row that is 2 px off
    flow = torch.zeros(4, 2, 4, 4)
    flow[1] = 2.0
    flow[2:] = 2.0
    found = flow_loss([estimate(flow, 1)], target)
    assert found.tolist() == pytest.approx(
        [math.log(2) + 2.0 * 4 / 20, math.log(2) + 2.0], rel=1e-4
    )
