"""What a run with adapters has learned, alone: a small file that belongs to the weights it began
from.

It holds the adapters and whatever else learned (a new head), and a digest of the frozen weights, so
that it is never added to others.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from torch import Tensor

from models.config import config_from_dict
from models.dense_model import DenseModel
from models.weights import read_weights, save_weights
from training.adapt.lora import is_adapter, lora_factor, merged
from training.adapt.start import take_over
from training.digest import digest_of
from training.recipe import Recipe


class AdapterError(ValueError):
    """An adapter file that cannot be added to the weights it is given with."""


def save_adapter(
    path: Path, recipe: Recipe, state: Mapping[str, Tensor], *, learned: Collection[str], done: int
) -> None:
    """Write an adapter.safetensors.

    Args:
        path: of the file.
        recipe: of the run, which has adapters.
        state: every parameter by name, adapters among them.
        learned: names of those that did.
        done: the number of steps.
    """
    frozen = {name: value for name, value in state.items() if name not in learned}
    small = {name: state[name] for name in learned}
    save_weights(
        path,
        recipe.model,
        small,
        lora_factor=json.dumps(lora_factor(recipe.lora)),
        frozen_sha256=digest_of(frozen),
        recipe=recipe.name,
        step=str(done),
    )


def merge_adapter(base: Path, adapter: Path, out: Path) -> None:
    """Write the weights of the plain model that base and adapter are together.

    Args:
        base: what the adapter's run started from: weights or a bundle's folder.
        adapter: the adapter.safetensors of the run.
        out: receives the weights, as evaluation and export read them.

    Raises:
        AdapterError: `adapter` is no adapter file, or one of other weights.
        TransferError: the base has another encoder.
        WeightsError, BundleError, BundleWeightsError: a file cannot be read.
    """
    header, learned = read_weights(adapter)
    if not {"config", "lora_factor", "frozen_sha256"} <= header.keys():
        raise AdapterError(
            f"{adapter}: is no adapter, expected the adapter.safetensors of a run with lora.rank "
            f"above 0"
        )
    config = config_from_dict(json.loads(header["config"]))
    model = DenseModel(config)
    take_over(model, base)
    state: dict[str, Tensor] = {name: p.detach() for name, p in model.named_parameters()}
    frozen = {name: value for name, value in state.items() if name not in learned}
    unknown = sorted(name for name in learned if name not in state and not is_adapter(name))
    if unknown or digest_of(frozen) != header["frozen_sha256"]:
        raise AdapterError(
            f"{adapter}: was trained on other weights than {base}: give those that its run started "
            f"from (`init` in the run's recipe.json)"
        )
    plain = merged(state | learned, json.loads(header["lora_factor"]))
    notes = {key: header[key] for key in ("recipe", "step") if key in header}
    save_weights(out, config, plain, **notes)
