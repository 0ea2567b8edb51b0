import numpy as np
import pytest
from numpy.typing import NDArray

from training.data.camera import Camera
from training.data.rigid_flow import rigid_flow

CAMERA = Camera(focal_x_px=20.0, focal_y_px=20.0, centre_x_px=4.5, centre_y_px=3.5)
WALL = np.full((8, 10), 5, dtype=np.float32)


def pose_at(x: float, y: float, z: float) -> NDArray[np.float64]:
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    return pose


def test_a_camera_that_stays_sees_nothing_move() -> None:
    pose = pose_at(1, 2, 3)
    flow, occluded = rigid_flow(
        depth_m=WALL, next_depth_m=WALL, pose=pose, next_pose=pose, camera=CAMERA
    )
    assert flow == pytest.approx(0, abs=1e-6)
    assert not occluded.any()


def test_a_camera_that_moves_right_sees_the_wall_move_left_by_the_disparity() -> None:
    flow, occluded = rigid_flow(
        depth_m=WALL,
        next_depth_m=WALL,
        pose=np.eye(4),
        next_pose=pose_at(0.5, 0, 0),
        camera=CAMERA,
    )
    assert flow[..., 0] == pytest.approx(-20 * 0.5 / 5)
    assert flow[..., 1] == pytest.approx(0, abs=1e-6)
    assert occluded[:, :2].all()  # they leave on the left
    assert not occluded[:, 2:].any()


def test_a_camera_that_approaches_sees_the_wall_grow_about_the_centre() -> None:
    flow, _ = rigid_flow(
        depth_m=WALL,
        next_depth_m=WALL - 1,
        pose=np.eye(4),
        next_pose=pose_at(0, 0, 1),
        camera=CAMERA,
    )
    x = np.arange(10) - 4.5
    np.testing.assert_allclose(flow[3, :, 0], x * (5 / 4 - 1), atol=1e-6)


def test_a_camera_that_turns_right_sees_everything_move_left_whatever_the_depth() -> None:
    angle = 0.05
    turned = np.eye(4)
    turned[0, [0, 2]] = np.cos(angle), np.sin(angle)
    turned[2, [0, 2]] = -np.sin(angle), np.cos(angle)
    camera = Camera(focal_x_px=20.0, focal_y_px=20.0, centre_x_px=5.0, centre_y_px=3.0)
    for distance_m in (1, 9):
        wall = np.full((8, 10), distance_m, dtype=np.float32)
        flow, _ = rigid_flow(
            depth_m=wall, next_depth_m=wall, pose=np.eye(4), next_pose=turned, camera=camera
        )
        assert flow[3, 5] == pytest.approx([-20 * np.tan(angle), 0], rel=1e-5)


def test_behind_something_nearer_is_occluded_and_before_something_farther_unknown() -> None:
    next_depth_m = WALL.copy()
    next_depth_m[2, 3] = 2  # now something stands before the wall
    next_depth_m[4, 5] = 8  # the wall is not where it should be
    next_depth_m[6, 7] = np.nan
    depth_m = WALL.copy()
    depth_m[0, 0] = np.nan
    flow, occluded = rigid_flow(
        depth_m=depth_m,
        next_depth_m=next_depth_m,
        pose=np.eye(4),
        next_pose=np.eye(4),
        camera=CAMERA,
    )
    assert occluded[2, 3]
    assert occluded.sum() == 1
    assert flow[2, 3].tolist() == [0, 0]  # known, though hidden
    unknown = np.isnan(flow[..., 0])
    assert np.argwhere(unknown).tolist() == [[0, 0], [4, 5], [6, 7]]


def test_what_the_camera_has_passed_has_no_flow() -> None:
    flow, occluded = rigid_flow(
        depth_m=WALL,
        next_depth_m=WALL,
        pose=np.eye(4),
        next_pose=pose_at(0, 0, 6),
        camera=CAMERA,
    )
    assert np.isnan(flow).all()
    assert not occluded.any()
