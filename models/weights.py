"""Weights in safetensors files; the file's header holds the configuration they belong to."""

import json
import os
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from models.config import ModelConfig, config_from_dict, config_to_dict
from models.dense_model import DenseModel


class WeightsError(ValueError):
    """A weights file that cannot be read into a model."""


def save_weights(path: Path, config: ModelConfig, state: dict[str, Tensor], **notes: str) -> None:
    """Write weights and their configuration.

    Args:
        path: ends in .safetensors.
        config: what the weights belong to.
        state: by parameter name.
        notes: further header entries (recipe, step, ...).
    """
    plain = {name: tensor.detach().contiguous().cpu() for name, tensor in state.items()}
    header = {"config": json.dumps(config_to_dict(config)), **notes}
    partial = path.with_name(path.name + ".partial")
    save_file(plain, partial, metadata=header)
    _flush(partial)
    partial.replace(path)  # a reader never sees half a file, even after a loss of power
    _flush(path.parent)


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load_weights(path: Path) -> DenseModel:
    """The model that a file describes, with its weights, in float32 and evaluation mode.

    Raises:
        WeightsError: no such file, not a safetensors file, no config, other parameters or shapes.
    """
    header, state = read_weights(path)
    model = DenseModel(_config(path, header))
    expected, found = set(model.state_dict()), set(state)
    if expected != found:
        raise WeightsError(
            f"{path}: {len(expected - found)} parameters are missing and {len(found - expected)} "
            f"are unknown, e.g. {sorted(expected ^ found)[:3]}: the file is of another version of "
            f"anyres, use that one or train again"
        )
    for name, tensor in model.state_dict().items():
        if tensor.shape != state[name].shape:
            raise WeightsError(
                f"{path}: {name} is {tuple(state[name].shape)}, expected {tuple(tensor.shape)} by "
                f"the file's own config: it was put together from two models, train again"
            )
    model.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    return model.eval()


def read_config(path: Path) -> ModelConfig:
    """What the weights of a file belong to.

    Raises:
        WeightsError: no such file, not a safetensors file, no config.
    """
    return _config(path, read_weights(path)[0])


def _config(path: Path, header: dict[str, str]) -> ModelConfig:
    if "config" not in header:
        raise WeightsError(
            f"{path}: the header has no 'config', expected a file written by training: "
            f"foreign weights must be imported first"
        )
    return config_from_dict(json.loads(header["config"]))


def read_weights(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Header entries and tensors of a file.

    Raises:
        WeightsError: no such file, or not a safetensors file.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such file, expected a .safetensors file from training")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            state: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except SafetensorError as error:
        raise WeightsError(
            f"{path}: not a readable safetensors file ({error}): copy it again"
        ) from None
    return header, state
