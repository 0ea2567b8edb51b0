"""Rendered cuts kept on disk: rendering costs as much as training on the result.

Item k is the same whoever renders it and whenever: workers may fill the pool ahead, in any order,
and a run that finds a half-filled pool sees the same data as one that finds it full. That holds as
long as what is drawn does not change; the folder's name tells its version.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from training.data.sample import Cut
from training.whole_file import whole_file

ROUNDED = ("inverse_depth",)
"""To float16: to a two-thousandth of itself, near or far. Not flow: on 4K canvases it is hundreds
of pixels long, and would come in steps of a quarter or half of one."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A folder of cuts that are rendered when first asked for."""

    folder: Path
    num_items: int
    render: Callable[[int], Cut]
    """From the number of an item to the item; a pure function."""

    def __len__(self) -> int:
        return self.num_items

    def __getitem__(self, index: int) -> Cut:
        return load_cut(self.fill(index))

    def has(self, index: int) -> bool:
        """Whether an item is there already."""
        return self._path(index).is_file()

    def fill(self, index: int) -> Path:
        """Render an item unless it is there; the file that holds it."""
        path = self._path(index)
        if not path.is_file():
            made = self.render(index)
            self.folder.mkdir(parents=True, exist_ok=True)
            save_cut(path, made)
        return path

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:06d}.npz"


def save_cut(path: Path, cut: Cut) -> None:
    """Write a cut, its depth in float16. A reader never sees half a file."""
    arrays: dict[str, np.ndarray] = {}
    for field in fields(cut):
        value = getattr(cut, field.name)
        if value is None:
            continue
        array = np.asarray(value)
        arrays[field.name] = array.astype(np.float16) if field.name in ROUNDED else array
    # Two workers may render the same item at the same time.
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def load_cut(path: Path) -> Cut:
    """The inverse of `save_cut`."""
    values: dict[str, Any] = {}
    with np.load(path, allow_pickle=False) as file:
        for name in file.files:
            array = file[name]
            values[name] = array.astype(np.float32) if array.dtype == np.float16 else array
    values["name"] = str(values["name"])
    values["canvas"] = tuple(int(side) for side in values["canvas"])
    return Cut(**values)
