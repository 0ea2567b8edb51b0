"""How often each class occurs, which decides how much it counts."""

from models.task import CLASS_NAMES
from training.recipe import Recipe

CAMVID_SHARE = (16.9, 23.3, 1.0, 31.7, 4.5, 9.7, 1.2, 1.1, 5.9, 0.6, 0.3)
"""Percent of the labelled pixels of CamVid's training images, in label order, counted over all."""


def class_share(recipe: Recipe) -> tuple[float, ...]:
    """Share of the labelled pixels by class, in any unit.

    Raises:
        ValueError: the recipe gives another number of shares than its model has classes.
    """
    head = recipe.model.segmentation
    names = head.class_names if head is not None else ()
    given = recipe.weights.class_share
    if given and len(given) != len(names):
        raise ValueError(
            f"weights.class_share has {len(given)} numbers for {len(names)} classes "
            f"({', '.join(names)}): give one for each, or none"
        )
    if given:
        return given
    return CAMVID_SHARE if names == CLASS_NAMES else (1.0,) * max(len(names), 1)
