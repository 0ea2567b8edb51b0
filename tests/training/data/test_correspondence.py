import numpy as np

from training.data.correspondence import leaves_image, pixel_grid, warp_back


def test_the_grid_is_x_then_y() -> None:
    assert pixel_grid(2, 3)[1, 2].tolist() == [2, 1]


def test_pixels_leave_when_their_centre_does() -> None:
    flow = np.zeros((2, 3, 2), dtype=np.float32)
    flow[0, 0] = [-0.5, 0]  # onto the border: still inside
    flow[0, 1] = [1.6, 0]
    flow[1, 0] = [0, 0.6]
    flow[1, 1] = np.nan
    assert leaves_image(flow).tolist() == [[False, True, False], [True, False, False]]


def test_warping_looks_where_the_flow_points() -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    flow = np.zeros((3, 4, 2), dtype=np.float32)
    flow[1, 1] = [2, 1]
    flow[0, 0] = [0.5, 0.5]
    flow[2, 3] = [9, 0]
    flow[2, 2] = np.nan
    warped = warp_back(values, flow)
    assert warped[1, 1] == values[2, 3]
    assert warped[0, 0] == np.mean([0, 1, 4, 5])
    assert warped[2, 3] == 0
    assert warped[2, 2] == 0
    assert warped[0, 1] == values[0, 1]
