"""`python -m training groups`: how a run would begin and learn, without running it."""

from training.adapt.start import prepare
from training.recipe import Recipe
from training.running.optimizer import group_table, parameter_groups


def describe(recipe: Recipe) -> str:
    """What the model starts from, and every group of parameters that learns with its rate.

    Raises:
        ValueError: as training.adapt.start.prepare and parameter_groups of
            training.running.optimizer do.
    """
    start = prepare(recipe)
    groups = parameter_groups(start.model, recipe.optimizer)
    table = group_table(groups, recipe.optimizer.learning_rate)
    return "\n".join([*start.lines, *([""] if start.lines else []), table])
