"""Optical flow of a scene that stands still, from depth and the camera's motion.

Poses lead from camera to world coordinates, metres.
"""

import numpy as np
from numpy.typing import NDArray

from training.data.camera import Camera
from training.data.correspondence import leaves_image, pixel_grid

DEPTH_AGREEMENT = 0.05
"""Share by which the depth found at the target may differ from the depth expected there: above a
Kinect's noise (about 1 % at 2 m), below the step from a thing to what it hides."""


def rigid_flow(
    *,
    depth_m: NDArray[np.float32],
    next_depth_m: NDArray[np.float32],
    pose: NDArray[np.float64],
    next_pose: NDArray[np.float64],
    camera: Camera,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Where each pixel is seen in the next frame, and whether something hides it there.

    Args:
        depth_m: (h, w) along the optical axis, NaN where unknown.
        next_depth_m: (h, w) of the next frame, for the test of occlusion.
        pose: 4x4 camera to world of the frame.
        next_pose: 4x4 camera to world of the next frame.
        camera: of both frames.

    Returns:
        flow: (h, w, 2) px; NaN where depth is unknown, where the point falls behind the next
            camera, and where the next depth neither confirms nor explains: unknown there, or
            something farther than expected, so that one of the two is wrong.
        occluded: (h, w) outside the next image, or behind something nearer.
    """
    height, width = depth_m.shape
    motion = np.linalg.inv(next_pose) @ pose
    moved = camera.points(depth_m) @ motion[:3, :3].T + motion[:3, 3]
    expected_m = moved[..., 2]
    in_front = np.nan_to_num(expected_m, nan=-1.0) > 1e-3  # nearer than a millimetre is no view
    target = camera.project(np.where(in_front[..., None], moved, np.nan))
    flow = (target - pixel_grid(height, width)).astype(np.float32)

    outside = leaves_image(flow)
    inside = in_front & ~outside
    x = np.rint(np.where(inside, target[..., 0], 0)).astype(int).clip(0, width - 1)
    y = np.rint(np.where(inside, target[..., 1], 0)).astype(int).clip(0, height - 1)
    found_m = np.where(inside, next_depth_m[y, x], np.nan)
    hidden = found_m < expected_m * (1 - DEPTH_AGREEMENT)
    confirmed = np.abs(found_m - expected_m) <= DEPTH_AGREEMENT * expected_m
    occluded = outside | hidden
    flow[~(occluded | confirmed)] = np.nan
    return flow, occluded
