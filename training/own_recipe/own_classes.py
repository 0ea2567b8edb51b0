"""A recipe whose model answers the classes of the data that it names."""

from collections.abc import Callable
from dataclasses import replace

from models.task import CLASS_NAMES
from training.class_count import classes_of
from training.data.catalog import open_data
from training.data.real import some_of
from training.recipe import Recipe


def with_classes_of_data(recipe: Recipe, report: Callable[[str], None]) -> Recipe:
    """The recipe with the class names of its labelled images in place of CamVid's, the default.

    So `python -m training street --data.labelled cityscapes:train` needs no list of 19 names. Other
    class names stay; if they are not the data's, training says so.

    Args:
        recipe: of any model.
        report: called with a line where names are replaced.

    Raises:
        CatalogError: a data set is not known.
        FileFormatError: it is not there.
    """
    head = recipe.model.segmentation
    if classes_of(recipe) != CLASS_NAMES or head is None or not recipe.data.images_per_step:
        return recipe
    for spec in recipe.data.labelled:
        names = open_data(spec).class_names
        if names and names != CLASS_NAMES:
            report(
                f"classes: the {len(names)} of {spec} ({some_of(names)}) in place of the model's, "
                f"which are CamVid's {len(CLASS_NAMES)}"
            )
            head = replace(head, class_names=names)
            return replace(recipe, model=replace(recipe.model, segmentation=head))
    return recipe
