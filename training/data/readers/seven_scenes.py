"""7-Scenes: a hand-held Kinect in a room, with depth and poses (Shotton et al. 2013).

    seq-NN/                     one or several sequences, or the folder is one itself
    frame-NNNNNN.color.jpg      480x640 (HxW); .png in the official archive
    frame-NNNNNN.depth.png      mm; 0 and 65535 are unknown
    frame-NNNNNN.pose.txt       4x4, depth camera to world, m
    camera-intrinsics.txt       3x3, of the depth camera; the official archive has none

Depth and colour come from two cameras and are not registered as published. The reader carries depth
over to the colour camera: without that, flow by geometry is 10 % too long. What stays is the error
of the poses and of two shutters that do not fire together, about 1 px between neighbouring frames:
score flow with `gap` 4 or 8, by EPE and Fl, not by the 1 px outliers. Non-commercial use.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.camera import Camera, register_depth
from training.data.file_formats import FileFormatError, read_depth_png, read_image, read_text
from training.data.readers.reader import fitting
from training.data.rigid_flow import rigid_flow
from training.data.root import data_root
from training.data.sample import Sample

# The Kinect's factory values; the archive gives none. Checked by how well frames 8 apart, warped by
# geometry, fit each other: mean grey difference 6.07 unregistered, 5.05 with this focal length,
# 4.96 with this shift too, and worse for 510 px, 540 px and the opposite shift.
COLOUR_CAMERA = Camera(focal_x_px=525.0, focal_y_px=525.0, centre_x_px=320.0, centre_y_px=240.0)
DEPTH_TO_COLOUR_M = np.array([-0.025, 0.0, 0.0])
# Published beside the archive, for where no file says it.
DEPTH_CAMERA = Camera(focal_x_px=585.0, focal_y_px=585.0, centre_x_px=320.0, centre_y_px=240.0)
UNKNOWN_STEPS = (0, 65535)


@dataclass(frozen=True, kw_only=True)
class SevenScenes:
    """Frames of a room with depth; with a `gap`, pairs with the flow of a rigid scene."""

    gap: int | None = None
    """Frames from image to next_image; None: single images."""
    every: int = 1
    """Take every n-th frame."""
    folder: Path = field(default_factory=lambda: data_root() / "depth" / "7scenes")

    def __post_init__(self) -> None:
        len(self.names)  # a wrong folder is reported now, not with the first image

    @cached_property
    def names(self) -> tuple[str, ...]:
        """frame-NNNNNN or seq-NN/frame-NNNNNN, sorted; with a gap only those with a next frame."""
        files = sorted(self.folder.glob("frame-*.depth.png"))
        files = files or sorted(self.folder.glob("seq-*/frame-*.depth.png"))
        frames = tuple(
            file.relative_to(self.folder).as_posix().removesuffix(".depth.png") for file in files
        )
        chosen = frames[:: self.every]
        if self.gap is not None:
            there = set(frames)
            chosen = tuple(frame for frame in chosen if self._following(frame) in there)
        if not chosen:
            raise FileFormatError(
                f"{self.folder}: no frame-NNNNNN.depth.png"
                + ("" if self.gap is None else f" with another {self.gap} frames later")
                + ", expected a sequence of 7-Scenes"
            )
        return chosen

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        image, depth_m = self._image(name), self._depth_m(name)
        depth_m = fitting(depth_m, self._depth_file(name), image)
        sample = Sample(name=f"7scenes/{name}", image=image, inverse_depth=np.float32(1) / depth_m)
        if self.gap is None:
            return sample
        following = self._following(name)
        flow, occluded = rigid_flow(
            depth_m=depth_m,
            next_depth_m=fitting(self._depth_m(following), self._depth_file(following), image),
            pose=self._pose(name),
            next_pose=self._pose(following),
            camera=COLOUR_CAMERA,
        )
        return Sample(
            name=f"7scenes/{name}+{self.gap}",
            image=sample.image,
            next_image=fitting(self._image(following), self._image_file(following), image),
            inverse_depth=sample.inverse_depth,
            flow=flow,
            occluded=occluded,
        )

    @cached_property
    def depth_camera(self) -> Camera:
        """From camera-intrinsics.txt, where it is there."""
        path = self.folder / "camera-intrinsics.txt"
        if not path.is_file():
            return DEPTH_CAMERA
        matrix = read_matrix(path, (3, 3))
        return Camera(
            focal_x_px=float(matrix[0, 0]),
            focal_y_px=float(matrix[1, 1]),
            centre_x_px=float(matrix[0, 2]),
            centre_y_px=float(matrix[1, 2]),
        )

    def _following(self, name: str) -> str:
        place, number = name.rsplit("frame-", 1)
        return f"{place}frame-{int(number) + (self.gap or 0):06d}"

    def _image_file(self, name: str) -> Path:
        jpeg = self.folder / f"{name}.color.jpg"
        return jpeg if jpeg.is_file() else jpeg.with_suffix(".png")

    def _image(self, name: str) -> NDArray[np.uint8]:
        return read_image(self._image_file(name))

    def _depth_file(self, name: str) -> Path:
        return self.folder / f"{name}.depth.png"

    def _depth_m(self, name: str) -> NDArray[np.float32]:
        depth_m = read_depth_png(self._depth_file(name), steps_per_m=1000.0, unknown=UNKNOWN_STEPS)
        return register_depth(depth_m, self.depth_camera, COLOUR_CAMERA, DEPTH_TO_COLOUR_M)

    def _pose(self, name: str) -> NDArray[np.float64]:
        """4x4, colour camera to world."""
        to_depth_camera = np.eye(4)
        to_depth_camera[:3, 3] = -DEPTH_TO_COLOUR_M
        return np.asarray(read_matrix(self.folder / f"{name}.pose.txt", (4, 4)) @ to_depth_camera)


def read_matrix(path: Path, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Numbers of a text file, row by row."""
    expected = f"a {shape[0]}x{shape[1]} matrix as text"
    text = read_text(path, expected)
    try:
        return np.array(text.split(), dtype=np.float64).reshape(shape)
    except ValueError as error:
        raise FileFormatError(f"{path}: {error}, expected {expected}") from error
