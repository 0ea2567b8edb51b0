import math

import numpy as np
import pytest

from training.data.synthetic.view import View, look


def test_level_means_right_down_forward() -> None:
    np.testing.assert_allclose(look(yaw_rad=0.0), [[1, 0, 0], [0, -1, 0], [0, 0, 1]], atol=1e-12)


def test_yaw_turns_right_and_pitch_looks_up() -> None:
    np.testing.assert_allclose(look(yaw_rad=math.pi / 2)[2], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(look(yaw_rad=0.0, pitch_rad=math.pi / 2)[2], [0, 1, 0], atol=1e-12)


@pytest.mark.parametrize("angles", [(0.3, -0.4, 0.2), (2.0, 0.5, -0.1)])
def test_a_look_is_a_rotation(angles: tuple[float, float, float]) -> None:
    rotation = look(yaw_rad=angles[0], pitch_rad=angles[1], roll_rad=angles[2])
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    level = np.linalg.det(look(yaw_rad=0.0))
    assert np.linalg.det(rotation) == pytest.approx(level)


def test_a_point_projects_by_focal_length_over_depth() -> None:
    view = View(
        rotation=look(yaw_rad=0.0),
        position=np.array([1.0, 2.0, 3.0]),
        focal_px=100.0,
        principal_px=(50.0, 40.0),
    )
    camera = view.to_camera(np.array([2.0, 2.5, 7.0]))
    np.testing.assert_allclose(camera, [1.0, -0.5, 4.0])
    np.testing.assert_allclose(view.project(camera), [50 + 25.0, 40 - 12.5])
