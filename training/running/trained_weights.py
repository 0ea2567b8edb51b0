"""What a run has made so far, as others use it: plain weights, and its adapter where it has one."""

from collections.abc import Collection, Mapping
from pathlib import Path

from torch import Tensor

from models.weights import save_weights
from training.adapt.adapter_file import save_adapter
from training.adapt.lora import lora_factor, merged
from training.recipe import Recipe


def save_trained(
    folder: Path,
    recipe: Recipe,
    state: Mapping[str, Tensor],
    *,
    learned: Collection[str],
    done: int,
) -> None:
    """Write weights.safetensors, a plain model, and where there are adapters adapter.safetensors.

    Args:
        folder: of the run.
        recipe: of the run.
        state: every parameter by name, adapters among them.
        learned: names of those that did.
        done: the number of steps.
    """
    plain = dict(state)
    if recipe.lora.rank:
        plain = merged(state, lora_factor(recipe.lora))
        save_adapter(folder / "adapter.safetensors", recipe, state, learned=learned, done=done)
    save_weights(
        folder / "weights.safetensors", recipe.model, plain, recipe=recipe.name, step=str(done)
    )
