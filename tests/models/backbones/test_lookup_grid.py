"""The lookup grid against adaptive average pooling and hand-made cases."""

import pytest
import torch
import torch.nn.functional as F

from models.backbones.lookup_grid import LookupGrid, lookup_grid
from models.windows import Placement


def whole(
    rows: int, cols: int, num_slots: int, *, padded: tuple[int, int] | None = None
) -> LookupGrid:
    size = torch.tensor([[rows * 16, cols * 16]])
    place = Placement(
        origins=torch.zeros(1, 1, 2, dtype=torch.long), canvas=size, valid=size[:, None]
    )
    height, width = padded or (rows, cols)
    return lookup_grid(place, stride=16, rows=height, cols=width, num_slots=num_slots)


@pytest.mark.parametrize(
    ("canvas", "expected"),
    [((68, 120), (12, 21)), ((1, 1), (1, 1)), ((17, 1000), (2, 123)), ((16, 16), (16, 16))],
)
def test_the_grid_follows_the_aspect_ratio(
    canvas: tuple[int, int], expected: tuple[int, int]
) -> None:
    grid = whole(*canvas, 256)
    assert int(grid.present.sum()) == expected[0] * expected[1]
    assert len(grid.y[0][grid.present[0]].unique()) == expected[0]


@pytest.mark.parametrize("canvas", [(68, 120), (23, 40), (33, 17)])
def test_slots_are_adaptive_averages(canvas: tuple[int, int]) -> None:
    x = torch.randn(1, 3, *canvas)
    grid = whole(*canvas, 256, padded=(canvas[0] + 3, canvas[1] + 5))
    padded = F.pad(x, (0, 5, 0, 3), value=9.0)
    pooled = grid.assign @ padded.flatten(2).mT
    shape = len(grid.y[0][grid.present[0]].unique()), len(grid.x[0][grid.present[0]].unique())
    expected = F.adaptive_avg_pool2d(x, shape).flatten(2).mT
    torch.testing.assert_close(pooled[:, : expected.shape[1]], expected, rtol=1e-5, atol=1e-6)


def test_a_small_image_keeps_every_cell_as_it_is() -> None:
    grid = whole(3, 7, 64)
    assert torch.equal(grid.assign[0, :21], torch.eye(21))
    assert not grid.present[0, 21:].any()


def test_slots_that_no_window_touches_are_absent() -> None:
    place = Placement(
        origins=torch.tensor([[[0, 0], [64, 64]]]), canvas=torch.tensor([[128, 128]]), valid=None
    )
    grid = lookup_grid(place, stride=16, rows=4, cols=4, num_slots=64)
    assert int(grid.present.sum()) == 32
    assert torch.equal(grid.assign.sum(-1).bool(), grid.present)
