"""`python -m training new my-task`: a recipe of one's own to start from."""

import re
from dataclasses import replace
from pathlib import Path

from models.task import Task
from training.own_recipe.recipe_template import HEADS, Known, recipe_text

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
EXAMPLE = "folder:path/to/my/data"


class NewRecipeError(ValueError):
    """A recipe that cannot be written."""


def write_recipe(
    name: str, *, init: str | None = None, data: str | None = None, folder: Path = Path()
) -> Path:
    """Write the recipe file of a task.

    Args:
        name: of the task.
        init: a bundle's folder or weights.
        data: a folder or the name of a data set.
        folder: receives the file.

    Returns:
        The file.

    Raises:
        NewRecipeError: a name that no folder could have, or the file is there already.
        ValueError: weights or data cannot be read.
    """
    path = folder / f"{name.replace('-', '_')}.py"
    if not NAME.fullmatch(name):
        raise NewRecipeError(
            f"the name is {name!r}, expected letters, digits, - and _ (up to 64): it becomes that "
            f"of a file and of a folder"
        )
    if path.exists():
        raise NewRecipeError(f"{path} is there already: choose another name, or move it away")
    path.write_text(recipe_text(_known(name, path.name, init, data)), encoding="utf-8")
    return path


def _known(name: str, file: str, init: str | None, data: str | None) -> Known:
    from training.adapt.start import is_imported, model_like  # imports torch

    model = model_like(init) if init else None
    head = model.segmentation if model else None
    classes = head.class_names if head is not None else ()
    imported = init is not None and is_imported(Path(init))
    there = {task.value for task in (Task if model is None else model.tasks)}
    known = Known(
        name=name,
        file=file,
        init=init,
        imported=imported,
        heads=tuple(head for head in HEADS if head.rstrip("*") in there),
        class_names=classes,
    )
    if data is None:
        names = classes or ("first", "second")
        return replace(known, class_names=names, labelled=(EXAMPLE,))
    return _of_data(known, data)


def _of_data(known: Known, data: str) -> Known:
    """What a data set can teach, and by which names it calls its classes."""
    from training.data.catalog import open_data

    spec = _spec(data)
    opened = open_data(spec)
    first = opened[0]
    labelled = (spec,) if first.labels is not None else ()
    found = replace(
        known,
        class_names=opened.class_names if labelled else (),
        labelled=labelled,
        depth=(spec,) if first.inverse_depth is not None else (),
        pairs=(spec,) if first.flow is not None else (),
    )
    if not found.learning:
        raise NewRecipeError(
            f"{data}: has no labels, depth or flow, expected labels/NAME.png, depth/NAME.png or "
            f"flow/NAME.flo for every images/NAME.jpg"
        )
    return found


def _spec(data: str) -> str:
    """A data set's name as the catalogue has it, of a folder too."""
    from training.data.catalog import CATALOG

    path = Path(data).expanduser()
    if not path.is_dir():
        # Some names have no kind: hd1k, tum@FOLDER.
        known = ":" in data or data.partition("@")[0] in CATALOG
        return data if known else f"folder:{data}"
    whole = (path / "images").is_dir() or not (path / "train").is_dir()
    return f"folder:{data if whole else path / 'train'}"
