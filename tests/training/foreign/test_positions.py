"""Tables of positions are split by their grid, never by a count alone."""

import pytest
import torch

from training.foreign.errors import ForeignError
from training.foreign.positions import regroup, split_table


def test_a_square_with_and_without_tokens_before_it() -> None:
    positions = torch.arange(17.0)[None, :, None].expand(1, 17, 3)
    before, table = split_table(positions, embed_dim=3, num_prefix=(0, 1), grid=None)
    assert before[:, 0].tolist() == [0.0]
    assert table.shape == (4, 4, 3)
    assert table[1, 2, 0] == 1 + 4 + 2
    before, table = split_table(positions[0, 1:], embed_dim=3, num_prefix=(0, 1), grid=None)
    assert before.shape == (0, 3)
    assert table.shape == (4, 4, 3)


def test_8x32_is_not_taken_for_16x16_when_said() -> None:
    positions = torch.arange(256.0)[:, None]
    _, table = split_table(positions, embed_dim=1, num_prefix=(0,), grid=(8, 32))
    assert table.shape == (8, 32, 1)
    assert table[1, 0, 0] == 32


def test_a_count_that_is_no_square_asks_for_the_grid() -> None:
    positions = torch.zeros(1, 25, 4)
    with pytest.raises(ForeignError, match="25 positions are not 3x8 patches"):
        split_table(positions, embed_dim=4, num_prefix=(0,), grid=(3, 8))
    before, table = split_table(positions, embed_dim=4, num_prefix=(0, 1), grid=(3, 8))
    assert (len(before), tuple(table.shape)) == (1, (3, 8, 4))
    with pytest.raises(ForeignError, match="24 positions are not a square of patches.*--grid"):
        split_table(positions[:, 1:], embed_dim=4, num_prefix=(0, 1), grid=None)


def test_other_channels_are_refused() -> None:
    with pytest.raises(ForeignError, match="expected 8 channels last"):
        split_table(torch.zeros(1, 16, 4), embed_dim=8, num_prefix=(0,), grid=None)


def test_channels_of_crocos_heads_in_our_order() -> None:
    # Of a head of 8: y0 y1 | y0' y1' | x0 x1 | x0' x1' becomes y0 y1 x0 x1 | y0' y1' x0' x1'.
    weight = torch.arange(16.0)
    assert regroup(weight, 2).tolist() == [
        *(0, 1, 4, 5, 2, 3, 6, 7),
        *(8, 9, 12, 13, 10, 11, 14, 15),
    ]
