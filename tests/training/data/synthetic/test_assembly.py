import math

import numpy as np
import pytest

from training.data.synthetic.assembly import Assembly
from training.data.synthetic.material import Material
from training.data.synthetic.solids import Shape

STONE = Material(layer=0)
WOOD = Material(layer=1)


def test_a_group_turned_right_looks_along_x() -> None:
    assembly = Assembly()
    assembly.root().at(10, 0, 5, yaw=math.pi / 2).box((0, 1, 2), (1, 1, 1), STONE)
    np.testing.assert_allclose(assembly.solids().centre, [[12, 1, 5]], atol=1e-9)


def test_a_rod_reaches_from_end_to_end() -> None:
    assembly = Assembly()
    assembly.root().rod((1, 0, 2), (3, 4, -1), 0.1, STONE)
    solids = assembly.solids()
    ends = [solids.centre[0] + sign * solids.axes[0, :, 1] * solids.half[0, 1] for sign in (-1, 1)]
    np.testing.assert_allclose(ends, [[1, 0, 2], [3, 4, -1]], atol=1e-9)


def test_a_cone_wider_at_the_top_fits_into_its_cube() -> None:
    assembly = Assembly()
    assembly.root().cone((0, 0, 0), (2, 2, 2), STONE, taper=-0.5)
    solids = assembly.solids()
    assert solids.half[0].tolist() == [1.5, 1.0, 1.5]
    assert solids.taper[0] == pytest.approx(1 / 3)
    np.testing.assert_allclose(solids.axes[0, :, 1], [0, -1, 0], atol=1e-9)


def test_solids_are_sorted_by_shape_and_keep_their_materials() -> None:
    assembly = Assembly()
    assembly.root().quad((0, 0, 1), (1, 1), WOOD, label="sign")
    assembly.root().box((0, 0, 2), (1, 1, 1), STONE, label="car")
    solids = assembly.solids()
    assert solids.shape.tolist() == [Shape.BOX, Shape.QUAD]
    assert [assembly.materials[i] for i in solids.material[:, 0]] == [STONE, WOOD]
    assert solids.label.tolist() == [8, 6]


def test_a_moving_group_goes_ahead_and_turns_about_itself() -> None:
    assembly = Assembly()
    car = assembly.root().at(5, 0, 0, yaw=math.pi / 2)
    car = car.moving(ahead_m=2.0, turn_rad=math.pi / 2)
    car.box((0, 0, 0), (1, 1, 1), STONE)
    car.box((0, 0, 1), (1, 1, 1), STONE)
    still = assembly.root()
    still.box((9, 9, 9), (1, 1, 1), STONE)
    moved = assembly.solids().moved(np.stack(assembly.motions))
    np.testing.assert_allclose(moved.centre, [[7, 0, 0], [7, 0, -1], [9, 9, 9]], atol=1e-9)
