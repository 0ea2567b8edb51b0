"""Truth at the centres of cells."""

import torch

from training.losses.centres import at_centres


def test_a_ramp_is_read_where_the_centres_are() -> None:
    # Pixel k has its centre at k + 0.5; cell k of stride 4 has it at 4 k + 2.
    ramp = (torch.arange(16) + 0.5).expand(8, 16)
    found = at_centres(ramp, 4, 2, 4)
    assert found.tolist() == [[2.0, 6.0, 10.0, 14.0]] * 2
    assert at_centres(ramp.T, 8, 2, 1).tolist() == [[4.0], [12.0]]


def test_unknown_pixels_make_unknown_cells() -> None:
    truth = torch.zeros(3, 8, 8)
    truth[1, 5, 2] = torch.nan
    assert at_centres(truth, 4, 2, 2).isnan().nonzero().tolist() == [[1, 1, 0]]
    assert at_centres(truth, 1, 8, 8) is truth


def test_a_cell_cut_by_the_edge_takes_the_nearest_pixels() -> None:
    ramp = (torch.arange(9) + 0.5).expand(4, 9)
    assert at_centres(ramp, 4, 1, 3)[0, -1] == 8.5
