"""The real data that a recipe names, opened and checked against what is to be learned from it."""

from collections.abc import Sequence

import numpy as np

from training.data.catalog import Joined, open_all
from training.data.readers.reader import Reader
from training.data.sample import Sample


class RealDataError(ValueError):
    """Data sets that cannot teach what they are named for."""


def open_labelled(specs: Sequence[str], class_names: tuple[str, ...]) -> Joined:
    """Data sets whose labels are the model's classes.

    Raises:
        RealDataError: other classes, or none.
    """
    data = open_all(specs)
    for part in data.sets:
        if not part.class_names:
            raise RealDataError(
                f"{part.spec} has no labels, expected labelled images: name it in data.depth or "
                f"data.pairs, or set data.images_per_step to 0"
            )
        if not class_names:
            raise RealDataError(
                f"{part.spec} has labels and the model no segmentation head: give it one, or set "
                f"data.images_per_step to 0"
            )
        if part.class_names != class_names:
            raise RealDataError(
                f"{part.spec} has {len(part.class_names)} classes ({some_of(part.class_names)}), "
                f"the model {len(class_names)} ({some_of(class_names)}): set the model's "
                f"segmentation.class_names to those of the data set, in its order; all data sets "
                f"of data.labelled must have the same"
            )
    return data


def open_with_depth(specs: Sequence[str]) -> Joined:
    """Data sets whose samples know their depth."""
    data = open_all(specs)
    for part in data.sets:
        if part[0].inverse_depth is None:
            raise RealDataError(f"{part.spec} has no depth, expected images with depth")
    return data


def open_pairs(specs: Sequence[str]) -> Joined:
    """Data sets of pairs whose flow is known."""
    data = open_all(specs)
    for part in data.sets:
        if part[0].flow is None:
            raise RealDataError(f"{part.spec} has no flow, expected pairs with flow")
    return data


def look_at(data: Joined, *, named_by: str) -> None:
    """Read a sample of each data set: one that is missing or broken is found before it is needed.

    Args:
        data: opened.
        named_by: the value of the recipe that lists them.

    Raises:
        RealDataError: there is no sample to draw.
        FileFormatError: one cannot be read.
    """
    if not data.sets:
        raise RealDataError(
            f"{named_by} names no data set, expected one at least: name some, or set the number of "
            f"its samples in a step to 0"
        )
    for part in data.sets:
        if not len(part):
            raise RealDataError(
                f"{part.spec}, which {named_by} names, holds no sample: give another, or leave it "
                f"out"
            )
        _ = part[0]


def draw(rng: np.random.Generator, data: Reader) -> Sample:
    """Any sample, each with the same chance."""
    return data[int(rng.integers(len(data)))]


def some_of(names: Sequence[str]) -> str:
    """The first of many names, for people."""
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
