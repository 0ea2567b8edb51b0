"""Read a file of foreign weights: bare tensors by name, without what is wrapped around them."""

import argparse
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from training.foreign.errors import ForeignError

WRAPPERS = ("teacher", "model", "state_dict", "model_state_dict", "module")
"""Entries of a checkpoint that hold the weights, the first that is there at each level."""
PREFIXES = ("module.", "_orig_mod.", "teacher.", "model.")
"""What data parallelism, compilation and training code put before every name."""


@dataclass(frozen=True, kw_only=True)
class PixelScale:
    """How a network wants its pixels: (p / 255 - mean) / std, per channel in R, G, B."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __post_init__(self) -> None:
        if not all(0 <= m <= 1 for m in self.mean) or not all(0 < s <= 1 for s in self.std):
            raise ForeignError(
                f"mean {self.mean} and std {self.std} are not of pixels in [0, 1]: divide them by "
                f"255"
            )


def read_source(path: Path) -> dict[str, Tensor]:
    """Tensors by name, from .safetensors or from what torch.save wrote.

    Pickles are read as tensors and plain values only, so that no file can run code.

    Raises:
        ForeignError: no such file, not readable, more than plain values inside, or no tensors.
    """
    if not path.is_file():
        raise ForeignError(f"{path}: no such file, expected weights in .safetensors, .pth or .pt")
    if path.suffix == ".safetensors":
        try:
            found: Any = load_file(path)
        except SafetensorError as error:
            raise ForeignError(
                f"{path}: not a readable safetensors file ({error}): download it again"
            ) from None
    else:
        found = _unpickle(path)
    tensors = {
        str(name): tensor for name, tensor in _unwrap(found).items() if isinstance(tensor, Tensor)
    }
    if not tensors:
        raise ForeignError(
            f"{path}: no tensors, expected a state dict or a checkpoint that holds one under "
            f"{', '.join(WRAPPERS)}: save model.state_dict() alone"
        )
    return _without_prefixes(tensors)


def pixel_scale_beside(path: Path) -> PixelScale | None:
    """What a config.json (timm) or preprocessor_config.json (transformers) in the folder says.

    Raises:
        ForeignError: it says something that cannot be meant.
    """
    for name, section, mean, std in (
        ("config.json", "pretrained_cfg", "mean", "std"),
        ("preprocessor_config.json", None, "image_mean", "image_std"),
    ):
        file = path.with_name(name)
        if not file.is_file():
            continue
        try:
            values = json.loads(file.read_text())
            values = values[section] if section else values
            r, g, b, sr, sg, sb = (float(x) for x in (*values[mean], *values[std]))
        except (ValueError, KeyError, TypeError):
            continue  # some other program's file of that name
        try:
            return PixelScale(mean=(r, g, b), std=(sr, sg, sb))
        except ForeignError as error:
            raise ForeignError(f"{file}: {error}, and give them by --mean and --std") from None
    return None


def _unpickle(path: Path) -> Any:
    try:
        # Many checkpoints keep their command line beside the weights, which is plain values too.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file makes torch raise nearly anything
        # Torch's own message advises to run the file's code.
        named = re.search(r"GLOBAL (\S+)", str(error))
        reason = f"it asks for {named[1]}" if named else "it is no checkpoint of torch.save"
        raise ForeignError(
            f"{path}: not a file of tensors and plain values alone, {reason}: open it where it was "
            f"made and save model.state_dict() alone"
        ) from None


def _unwrap(found: Any) -> dict[Any, Any]:
    while isinstance(found, dict):
        inner = next((found[key] for key in WRAPPERS if isinstance(found.get(key), dict)), None)
        if inner is None:
            return found
        found = inner
    return {}


def _without_prefixes(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    while True:
        prefix = next((p for p in PREFIXES if all(name.startswith(p) for name in tensors)), None)
        if prefix is None:
            return tensors
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
