"""From a recipe to a model that is ready to train: what it starts from, and what of it learns."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from models.config import ModelConfig, SegmentationConfig
from models.dense_model import DenseModel
from models.weights import load_weights, read_config, read_weights
from training.adapt.bundle_weights import bundle_config, load_bundle_weights
from training.adapt.lora import add_lora
from training.adapt.parts import select
from training.adapt.transfer import Transfer, transfer
from training.recipe import Recipe


class StartError(ValueError):
    """A recipe that cannot begin as it says."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """A model before its first step."""

    model: DenseModel
    """With adapters, if the recipe has any; what is frozen has no gradient."""
    lines: tuple[str, ...]
    """What was taken over, made new and frozen, for people. Empty for a plain fresh model."""


def prepare(recipe: Recipe) -> Start:
    """The model of a recipe: weights taken over, parts frozen, adapters added.

    The same recipe gives the same weights: chance is seeded.

    Raises:
        TransferError: `init` has another encoder.
        PartError: `freeze` or `lora.parts` name something that is not there.
        StartError: a part that begins with chance would be frozen.
        WeightsError, BundleError, BundleWeightsError: `init` cannot be read.
    """
    torch.manual_seed(recipe.data.seed)
    model = DenseModel(recipe.model)
    lines: list[str] = []
    found: Transfer | None = None
    if recipe.init:
        found = take_over(model, Path(recipe.init))
        lines = [f"{'starts from:':<18}{recipe.init}", *found.lines()]
    names = [name for name, _ in model.named_parameters()]
    frozen = set(select(names, recipe.freeze, what="freeze"))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen)
    adapted = add_lora(model, recipe.lora)
    _refuse_frozen_chance(model, found)
    if frozen:
        lines.append(f"{'frozen:':<18}{', '.join(recipe.freeze)}")
    if adapted:
        lines.append(
            f"{'adapters:':<18}rank {recipe.lora.rank} beside {len(adapted)} linear layers of "
            f"{', '.join(recipe.lora.parts)}"
        )
    if lines:
        total = sum(p.numel() for p in model.parameters())
        learning = sum(p.numel() for p in model.parameters() if p.requires_grad)
        lines.append(f"{'learning:':<18}{learning:,} of {total:,} numbers")
    return Start(model=model, lines=tuple(lines))


def take_over(model: DenseModel, origin: Path) -> Transfer:
    """Trained weights into a fresh model, as far as they fit.

    Raises:
        TransferError: they have another encoder.
        WeightsError, BundleError, BundleWeightsError: they cannot be read.
    """
    untrained: tuple[str, ...] = ()
    if is_imported(origin):
        untrained = tuple(name for name, _ in model.named_children() if name != "backbone")
    return transfer(model, open_model(origin), origin=str(origin), untrained=untrained)


def is_imported(origin: Path) -> bool:
    """An encoder of others, by training.foreign.import_weights: beside it everything is new.

    Raises:
        WeightsError: it cannot be read.
    """
    return origin.is_file() and "imported" in read_weights(origin)[0]


def open_model(path: Path) -> DenseModel:
    """Trained weights: a .safetensors file or a bundle's folder, in evaluation mode.

    Raises:
        WeightsError, BundleError, BundleWeightsError: they cannot be read.
    """
    return load_bundle_weights(path) if path.is_dir() else load_weights(path)


def model_like(
    origin: str | Path, *, class_names: tuple[str, ...] | None = None, name: str | None = None
) -> ModelConfig:
    """The model that trained weights belong to, perhaps with other classes.

    Args:
        origin: a .safetensors file or a bundle's folder.
        class_names: of the new segmentation head; those of the weights where None.
        name: of the new model; that of the weights where None.

    Raises:
        WeightsError, BundleError, BundleWeightsError: the weights cannot be read.
    """
    path = Path(origin)
    config = bundle_config(path) if path.is_dir() else read_config(path)
    if class_names is not None:
        config = replace(config, segmentation=SegmentationConfig(class_names=class_names))
    return replace(config, name=name or config.name)


def _refuse_frozen_chance(model: DenseModel, found: Transfer | None) -> None:
    """A part that was never trained must learn."""
    fresh = {name for name, _ in model.named_children()}
    if found is not None:
        fresh = set(found.fresh)
        if found.kept_classes and not found.fresh_classes:
            fresh.discard("segmentation")  # other classes were left out, none is new
    frozen = {name.split(".")[0] for name, p in model.named_parameters() if not p.requires_grad}
    if wrong := sorted(fresh & frozen):
        origin = "there is no `init`" if found is None else "`init` does not have it in this form"
        raise StartError(
            f"{', '.join(wrong)} would be frozen, wholly or beside adapters, but was never "
            f"trained: {origin}. Give weights that have it, or let all of it learn"
        )
