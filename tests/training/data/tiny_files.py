"""Tiny files in the true formats, folders made on the way."""

from pathlib import Path

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.data.file_formats import write_kitti_flow


def image(path: Path, size: tuple[int, int], value: int = 100) -> None:
    """An RGB image of one grey, in the format that the ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1], (value, value, value)).save(path)


def indices(path: Path, values: object) -> None:
    """An 8-bit grey PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(values, dtype=np.uint8)).save(path)


def png16(path: Path, values: object) -> None:
    """A 16-bit grey PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.array(values, dtype=np.uint16))


def kitti_flow(path: Path, flow: object) -> None:
    """A 16-bit RGB PNG of KITTI's encoding; NaN is written as unknown."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_kitti_flow(path, np.array(flow, dtype=np.float32))


def hdf5(path: Path, **arrays: NDArray[np.generic]) -> None:
    """Data sets by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values, compression="gzip")


def text(path: Path, content: str) -> None:
    """Of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def constant_flow(size: tuple[int, int], u: float, v: float) -> NDArray[np.float32]:
    """(h, w, 2) the same everywhere."""
    return np.broadcast_to(np.array([u, v], np.float32), (*size, 2)).copy()
