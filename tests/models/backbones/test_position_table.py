"""A table of positions is read at canvas coordinates alone."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from models.backbones.position_table import PositionTable
from models.windows import Placement


def table(rows: int, cols: int, channels: int = 3) -> PositionTable:
    torch.manual_seed(0)
    found = PositionTable(rows, cols, channels)
    torch.nn.init.normal_(found.table)
    return found


def whole(rows: int, cols: int) -> Placement:
    canvas = torch.tensor([[rows * 16, cols * 16]])
    return Placement(origins=torch.zeros(1, 1, 2, dtype=torch.long), canvas=canvas, valid=None)


@pytest.mark.parametrize("size", [(7, 7), (5, 9), (1, 1)])
def test_its_own_grid_is_read_to_the_bit(size: tuple[int, int]) -> None:
    positions = table(*size)
    assert torch.equal(positions(whole(*size), 16, *size)[0], positions.table)


@pytest.mark.parametrize("size", [(14, 14), (3, 20), (9, 4), (1, 50), (6, 7)])
def test_other_grids_are_torchs_antialiased_bicubic(size: tuple[int, int]) -> None:
    positions = table(6, 9)
    image: Tensor = positions.table.permute(2, 0, 1)[None]
    expected = F.interpolate(image, size=size, mode="bicubic", antialias=True)
    found = positions(whole(*size), 16, *size).permute(0, 3, 1, 2)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_positions_of_a_window_are_those_of_its_place_on_the_canvas() -> None:
    positions = table(5, 5)
    everything = positions(whole(12, 20), 16, 12, 20)[0]
    origins = torch.tensor([[[32, 64], [128, 0]]])
    place = Placement(origins=origins, canvas=torch.tensor([[192, 320]]), valid=None)
    found = positions(place, 16, 4, 4)
    torch.testing.assert_close(found[0], everything[2:6, 4:8])
    torch.testing.assert_close(found[1], everything[8:12, 0:4])


def test_neither_padding_nor_mates_move_a_position() -> None:
    positions = table(5, 5)
    place = Placement(
        origins=torch.zeros(2, 1, 2, dtype=torch.long),
        canvas=torch.tensor([[40, 100], [200, 30]]),
        valid=None,
    )
    together = positions(place, 16, 13, 9)
    assert together.isfinite().all()
    torch.testing.assert_close(together[0, :3, :7], positions(whole(3, 7), 16, 3, 7)[0])
    torch.testing.assert_close(together[1, :13, :2], positions(whole(13, 2), 16, 13, 2)[0])
