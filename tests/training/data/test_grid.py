"""Values of a map on the cells of another one, by numbers that a hand can check."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from training.data.grid import Cells, Grid, average, pick, shares


def cells(start: float, side: float, count: int) -> Cells:
    return Cells(start=torch.tensor([float(start)]), side=float(side), count=count)


def grid(rows: int, cols: int, *, side: float = 1.0, start: float = 0.0) -> Grid:
    return Grid(rows=cells(start, side, rows), cols=cells(start, side, cols))


def test_larger_cells_average_what_they_cover() -> None:
    found = shares(cells(0, 1, 4), cells(0.5, 2, 2))
    expected = [[0.25, 0.5, 0.25, 0.0], [0.0, 0.0, 0.25, 0.5]]  # the last one is covered by 3/4
    torch.testing.assert_close(found[0], torch.tensor(expected))


def test_smaller_cells_interpolate_between_centres_and_repeat_the_border() -> None:
    found = shares(cells(0, 2, 2), cells(0, 1, 5))
    # The fifth cell begins where the source ends.
    expected = [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0], [0.0, 0.0]]
    torch.testing.assert_close(found[0], torch.tensor(expected))


@pytest.mark.parametrize(("rows", "cols"), [(4, 6), (8, 2)])
def test_halving_and_doubling_are_those_of_images(rows: int, cols: int) -> None:
    x = torch.rand(2, 3, rows, cols, generator=torch.Generator().manual_seed(0))
    both = Cells(start=torch.zeros(2), side=1.0, count=rows)
    source = Grid(rows=both, cols=Cells(start=torch.zeros(2), side=1.0, count=cols))

    def target(factor: float) -> Grid:
        axes = (
            Cells(start=torch.zeros(2), side=1 / factor, count=int(n * factor))
            for n in (rows, cols)
        )
        return Grid(rows=next(axes), cols=next(axes))

    half, share = average(x, None, source, target(0.5))
    torch.testing.assert_close(half, F.avg_pool2d(x, 2))
    assert bool((share == 1).all())
    double, _ = average(x, None, source, target(2.0))
    expected = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    torch.testing.assert_close(double, expected)


def test_what_is_unknown_takes_no_part() -> None:
    nan = float("nan")
    x = torch.tensor([[[[1.0, nan, 5.0, 7.0], [3.0, nan, nan, nan]]]])
    mean, share = average(x, x.isfinite()[:, 0], grid(2, 4), grid(1, 2, side=2.0))
    assert mean.flatten().tolist() == [2.0, 6.0]
    assert share.flatten().tolist() == [0.5, 0.5]


@given(start=st.floats(-3, 3), side=st.floats(0.2, 5.0), count=st.integers(1, 9))
def test_a_constant_stays_itself_wherever_it_is_known(
    start: float, side: float, count: int
) -> None:
    x = torch.full((1, 1, 6, 6), 7.0)
    target = grid(count, count, side=side, start=start)
    mean, share = average(x, None, grid(6, 6), target)
    covered: Tensor = share > 1e-3
    torch.testing.assert_close(mean[:, 0][covered], torch.full_like(mean[:, 0][covered], 7.0))
    assert bool((share <= 1 + 1e-5).all())


def test_labels_are_those_under_the_centres() -> None:
    x = torch.arange(16, dtype=torch.uint8).reshape(1, 4, 4)
    assert pick(x, grid(4, 4), grid(2, 2, side=2.0)).flatten().tolist() == [5, 7, 13, 15]
    fine = pick(x, grid(4, 4), grid(2, 4, side=0.5))
    assert fine.flatten().tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
