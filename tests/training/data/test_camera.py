import numpy as np
import pytest

from training.data.camera import Camera, register_depth
from training.data.correspondence import pixel_grid

CAMERA = Camera(focal_x_px=100.0, focal_y_px=50.0, centre_x_px=3.0, centre_y_px=2.0)


def test_points_and_projection_are_inverse() -> None:
    depth_m = np.random.default_rng(0).uniform(1, 5, (5, 7)).astype(np.float32)
    points = CAMERA.points(depth_m)
    assert points[2, 3].tolist() == [0, 0, depth_m[2, 3]]
    assert points[4, 3, 1] == pytest.approx(2 / 50 * depth_m[4, 3])
    np.testing.assert_allclose(CAMERA.project(points), pixel_grid(5, 7), atol=1e-9)


def test_a_camera_beside_sees_disparity_and_the_nearer_thing() -> None:
    depth_m = np.full((1, 12), 4, dtype=np.float32)
    depth_m[0, 5] = 1
    depth_m[0, 9] = np.nan
    camera = Camera(focal_x_px=8.0, focal_y_px=8.0, centre_x_px=5.5, centre_y_px=0.0)
    # 8 px * 0.5 m: the wall moves by 1 px, the thing in front by 4.
    seen = register_depth(depth_m, camera, camera, np.array([-0.5, 0.0, 0.0]))
    expected = np.full((1, 12), 4, dtype=np.float32)
    expected[0, 1] = 1
    expected[0, [4, 8, 11]] = np.nan  # uncovered, unknown, not seen before
    np.testing.assert_array_equal(seen, expected)


def test_a_shorter_lens_leaves_no_gaps() -> None:
    longer = Camera(focal_x_px=58.5, focal_y_px=58.5, centre_x_px=32.0, centre_y_px=24.0)
    shorter = Camera(focal_x_px=52.5, focal_y_px=52.5, centre_x_px=32.0, centre_y_px=24.0)
    seen = register_depth(np.full((48, 64), 2, np.float32), longer, shorter, np.zeros(3))
    rows, columns = np.nonzero(np.isfinite(seen))
    assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    assert np.ptp(columns) + 1 == pytest.approx(64 * 52.5 / 58.5, abs=1.5)
