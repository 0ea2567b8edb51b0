import math

import pytest
import torch

from training.data.synthetic.intersection import meet_ball, meet_box, meet_cone, meet_quad


def vector(*values: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    x, y, z = (torch.tensor([value]) for value in values)
    return x, y, z


AHEAD = vector(0.0, 0.0, 1.0)
NO = torch.zeros(1)


def test_a_ray_meets_the_near_face_of_a_box() -> None:
    assert meet_box(vector(0.5, 0.5, -5.0), AHEAD).item() == pytest.approx(4.0)


def test_from_inside_of_a_box_its_far_face_is_seen() -> None:
    assert meet_box(vector(0.0, 0.0, 0.25), AHEAD).item() == pytest.approx(0.75)


@pytest.mark.parametrize("start", [(1.5, 0.0, -5.0), (0.0, 0.0, 5.0)])
def test_rays_beside_and_behind_a_box_miss(start: tuple[float, float, float]) -> None:
    assert math.isinf(meet_box(vector(*start), AHEAD).item())


def test_a_ray_enters_and_leaves_a_ball() -> None:
    near, far = meet_ball(vector(0.6, 0.0, -3.0), AHEAD)
    assert near.item() == pytest.approx(3.0 - 0.8)
    assert far.item() == pytest.approx(3.0 + 0.8)


def test_a_small_far_ball_keeps_its_edge_in_float32() -> None:
    # 0.1 m at 200 m: o is 2000 radii long, so o.o - 1 would have lost the last digits of the 1.
    inside, _ = meet_ball(vector(0.999, 0.0, -2000.0), AHEAD)
    outside, _ = meet_ball(vector(1.001, 0.0, -2000.0), AHEAD)
    assert inside.item() == pytest.approx(2000.0, abs=0.1)
    assert math.isinf(outside.item())


def test_a_cylinder_is_met_on_its_side_and_on_its_cap() -> None:
    side = meet_cone(vector(0.0, 0.5, -4.0), AHEAD, NO)
    cap = meet_cone(vector(0.5, 4.0, 0.0), vector(0.0, -1.0, 0.0), NO)
    assert side.item() == pytest.approx(3.0)
    assert cap.item() == pytest.approx(3.0)


def test_a_full_taper_makes_a_cone() -> None:
    # Radius 1 at y = -1 and 0 at y = 1, so one half at y = 0, and nothing above.
    taper = torch.ones(1)
    assert meet_cone(vector(0.0, 0.0, -4.0), AHEAD, taper).item() == pytest.approx(3.5)
    assert math.isinf(meet_cone(vector(0.0, 1.01, -4.0), AHEAD, taper).item())


def test_a_round_quad_has_no_corners() -> None:
    corner = vector(0.9, 0.9, -2.0)
    assert meet_quad(corner, AHEAD, NO).item() == pytest.approx(2.0)
    assert math.isinf(meet_quad(corner, AHEAD, torch.ones(1)).item())
