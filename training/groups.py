"""`python -m training groups`: how a run would begin and learn, without running it."""

from training.adapt.start import prepare
from training.optimizer import group_table, parameter_groups
from training.recipe import Recipe


def describe(recipe: Recipe) -> str:
    """What the model starts from, and every group of parameters that learns with its rate.

    Raises:
        ValueError: as `training.adapt.start.prepare` and `training.optimizer.parameter_groups` do.
    """
    start = prepare(recipe)
    groups = parameter_groups(start.model, recipe.optimizer)
    table = group_table(groups, recipe.optimizer.learning_rate)
    return "\n".join([*start.lines, *([""] if start.lines else []), table])
