"""What every data set looks like from outside, and what its readers check."""

from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from training.data.file_formats import FileFormatError
from training.data.sample import Sample

T = TypeVar("T", bound=np.generic)


@runtime_checkable
class Reader(Protocol):
    """A data set on disk: samples by number, in the data set's own order."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample:
        """One example.

        Raises:
            IndexError: there is no such sample.
            FileFormatError: one of its files is missing or is not what it should be.
        """


def fitting(values: NDArray[T], path: Path, image: NDArray[np.uint8]) -> NDArray[T]:
    """The values of a file that must be of the size of their image; handed through.

    Raises:
        FileFormatError: they are not, so the file belongs to another image or was resized.
    """
    if values.shape[:2] != image.shape[:2]:
        raise FileFormatError(
            f"{path}: {values.shape[0]}x{values.shape[1]} (HxW), expected the size of its image, "
            f"{image.shape[0]}x{image.shape[1]}: copy the original file again"
        )
    return values


def depth_or_unknown(depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) inverse depth in 1/m; NaN where depth is not a positive finite number."""
    measured = np.isfinite(depth_m) & (depth_m > 0)
    inverse = np.full(depth_m.shape, np.nan, dtype=np.float32)
    np.divide(np.float32(1), depth_m, out=inverse, where=measured, dtype=np.float32)
    return inverse
