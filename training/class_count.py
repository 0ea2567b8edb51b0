"""How often each class occurs in the images that a recipe learns from: rare ones count more."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.task import IGNORE_INDEX
from training.data.real import RealDataError, open_labelled
from training.recipe import Recipe
from training.whole_file import write_whole

MAX_IMAGES = 1000
"""More are not read: shares of classes change little beyond, and reading takes minutes."""
CACHE = "class_share.json"


class ClassShareError(ValueError):
    """Shares of classes that cannot belong to the model."""


def classes_of(recipe: Recipe) -> tuple[str, ...]:
    """Of the recipe's model; empty without a segmentation head."""
    head = recipe.model.segmentation
    return () if head is None else head.class_names


def class_share_of(recipe: Recipe) -> tuple[float, ...]:
    """Share of the labelled pixels for each class of the model; all the same where none is stated.

    Raises:
        ClassShareError: not one number for each class, or numbers that are no shares.
    """
    names, share = classes_of(recipe), recipe.weights.class_share
    if not share:
        return (1.0,) * len(names)
    if len(share) != len(names):
        raise ClassShareError(
            f"weights.class_share has {len(share)} numbers, the model {len(names)} classes: give "
            f"one for each, or none, and they are counted"
        )
    if not all(0 <= x < math.inf for x in share) or not any(share):
        raise ClassShareError(
            f"weights.class_share is {share}, expected numbers of which none is below 0 and one "
            f"is above: give those, or none, and they are counted"
        )
    return share


def count_classes(specs: Sequence[str], class_names: tuple[str, ...]) -> tuple[float, ...]:
    """Share of the labelled pixels of the data sets by class, in percent; sums to 100.

    Raises:
        RealDataError: other classes, or not one labelled pixel.
        FileFormatError: a data set is missing or broken.
    """
    data = open_labelled(specs, class_names)
    # Evenly over all: data sets are sorted by place and time.
    chosen = np.unique(np.linspace(0, len(data) - 1, min(len(data), MAX_IMAGES)).round())
    count = np.zeros(256, dtype=np.int64)
    for index in chosen.astype(int):
        labels = data[int(index)].labels
        assert labels is not None  # a data set with class names has labels
        count += np.bincount(labels.ravel(), minlength=256)
    labelled = count[: len(class_names)]
    if not labelled.any():
        raise RealDataError(
            f"{', '.join(specs)}: every label of {len(chosen)} images is {IGNORE_INDEX}, expected "
            f"classes 0-{len(class_names) - 1}"
        )
    return tuple(float(share) for share in 100 * labelled / labelled.sum())


def with_class_share(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe with weights.class_share, counted once and kept in the run's folder.

    Unchanged where the recipe says it, or learns from no labelled image.
    """
    names = classes_of(recipe)
    if recipe.weights.class_share or not names or not recipe.data.images_per_step:
        return recipe
    source = {"labelled": list(recipe.data.labelled), "class_names": list(names)}
    cache = folder / CACHE
    found = json.loads(cache.read_text()) if cache.is_file() else {}
    if {key: found.get(key) for key in source} != source:
        found = {**source, "share": count_classes(recipe.data.labelled, names)}
        write_whole(cache, json.dumps(found, indent=2) + "\n")
    weights = replace(recipe.weights, class_share=tuple(found["share"]))
    return replace(recipe, weights=weights)
