"""Local correlation against the definition, and the census against hand-made neighbours."""

import pytest
import torch

from models.heads.census import census
from models.heads.correlation import local_correlation


@pytest.mark.parametrize(
    ("rows", "cols", "radius"), [(1, 1, 4), (3, 16, 2), (5, 17, 1), (4, 33, 3)]
)
def test_every_cost_is_a_dot_product(rows: int, cols: int, radius: int) -> None:
    torch.manual_seed(0)
    first, second = torch.randn(2, 6, rows, cols), torch.randn(2, 6, rows, cols)
    costs = local_correlation(first, second, radius=radius)
    span = 2 * radius + 1
    assert costs.shape == (2, span * span, rows, cols)
    for row in range(rows):
        for col in range(cols):
            for channel in range(span * span):
                y, x = row + channel // span - radius, col + channel % span - radius
                inside = 0 <= y < rows and 0 <= x < cols
                expected = (first[:, :, row, col] * second[:, :, y, x]).sum(1) if inside else 0.0
                found = costs[:, channel, row, col]
                torch.testing.assert_close(found, torch.as_tensor(expected).expand(2))


def test_census_ignores_brightness_and_sees_the_brighter_side() -> None:
    ramp = torch.arange(9.0).expand(9, 9).reshape(1, 1, 9, 9)
    found = census(ramp, None)
    assert found.shape == (1, 24, 9, 9)
    torch.testing.assert_close(found[..., 4, 4], census(ramp + 5, None)[..., 4, 4])
    centre = found[0, :, 4, 4]
    assert (centre[[0, 1, 5, 6]] < 0).all()  # columns to the left are darker
    assert (centre[[3, 4, 8, 9]] > 0).all()
    assert float(centre.norm()) == pytest.approx(1.0, abs=1e-3)


def test_census_counts_neighbours_outside_as_equal() -> None:
    corner = census(torch.ones(1, 1, 3, 3), None)[0, :, 0, 0]
    assert torch.equal(corner, torch.zeros(24))
