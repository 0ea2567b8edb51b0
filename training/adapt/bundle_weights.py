"""The PyTorch model whose weights lie in a bundle, to train on from what is served.

Export stores every weight under its own name, large ones in float16, and merges what can be merged
for speed: norms into the products behind them, gains into those before them. What was merged cannot
be told apart again, but a model with plain norms and gains, and products that hold the rest,
answers the same.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from models.backbones.resformer import LocalPosition
from models.bundle_folder import read_bundle
from models.config import ModelConfig, config_from_dict
from models.dense_model import DenseModel
from models.heads.depth import DepthHead
from models.heads.flow import FlowEncoder, MatchingFlow
from models.heads.segmentation import SegmentationHead
from models.spatial import LocalBlock

CONFIG = "anyres_config"
"""Key of a graph's properties under which export writes the model's config."""
RENAMED = ((re.compile(r"^flow_head\.fold_"), "flow_head."),)


READ = ("costs.weight", "context", "place", "hidden.weight")
"""What the matching head's first product reads, in its order."""


class BundleWeightsError(ValueError):
    """A bundle whose weights cannot be read back."""


def load_bundle_weights(folder: Path) -> DenseModel:
    """The model of a bundle, in float32 and evaluation mode, up to the rounding to float16.

    Raises:
        BundleError: the folder is not a whole bundle.
        BundleWeightsError: its graphs were not written by export, or by another version of it.
    """
    graphs = {name: onnx.load(folder / g.file) for name, g in read_bundle(folder).graphs.items()}
    stored: dict[str, Tensor] = {}
    for graph in graphs.values():
        stored |= _tensors(graph)
    return unmerged(read_config(folder, graphs["frame"]), stored, origin=str(folder))


def bundle_config(folder: Path) -> ModelConfig:
    """What the model of a bundle is made of.

    Raises:
        BundleError: the folder is not a whole bundle.
        BundleWeightsError: its graphs were not written by export.
    """
    return read_config(folder, onnx.load(folder / read_bundle(folder).graphs["frame"].file))


def read_config(folder: Path, frame: onnx.ModelProto) -> ModelConfig:
    """The config among a graph's properties.

    Raises:
        BundleWeightsError: there is none.
    """
    for item in frame.metadata_props:
        if item.key == CONFIG:
            return config_from_dict(json.loads(item.value))
    raise BundleWeightsError(
        f"{folder}: its graph has no property {CONFIG!r}, expected one that `python -m export "
        f"onnx` wrote: start from the .safetensors file that it was made from"
    )


def unmerged(config: ModelConfig, stored: Mapping[str, Tensor], *, origin: str) -> DenseModel:
    """The model as training knows it from the parameters as export merged them.

    Args:
        config: of the model.
        stored: parameters of the merged model by name.
        origin: where they come from, for errors.

    Raises:
        BundleWeightsError: a parameter is missing or has another shape.
    """
    model = DenseModel(config).eval()
    state = dict(model.named_parameters())
    found = {_renamed(name): value.float() for name, value in stored.items()}
    found |= _flow_read(found) | _flow_project(found)
    for name, module in model.named_modules():
        if isinstance(module, LocalBlock):  # its gain stays what it is in a fresh block
            gain = module.gain.detach()[:, None]
            for key in (f"{name}.project.weight", f"{name}.project.bias"):
                if key in found:
                    found[key] = found[key].reshape(len(gain), -1) / gain
        if isinstance(module, LocalPosition):  # written once for every head that shares it
            for key in (f"{name}.weight", f"{name}.bias"):
                if key in found:
                    found[key] = found[key][: module.out_channels]
    for name, parameter in state.items():
        if name in found:
            if found[name].numel() != parameter.numel():
                raise BundleWeightsError(
                    f"{origin}: {name} is {tuple(found[name].shape)}, expected "
                    f"{tuple(parameter.shape)}: it was written by another version of anyres"
                )
            parameter.data.copy_(found[name].reshape(parameter.shape))
    missing = sorted(state.keys() - found.keys() - _merged_away(model))
    if missing:
        raise BundleWeightsError(
            f"{origin}: {len(missing)} parameters are missing, e.g. {missing[:3]}: it was written "
            f"by another version of anyres; start from its .safetensors file"
        )
    return model


def _tensors(graph: onnx.ModelProto) -> dict[str, Tensor]:
    """Every stored tensor under the name that the merged model has for it."""
    found: dict[str, Tensor] = {}
    for tensor in graph.graph.initializer:
        name = tensor.name.removesuffix(".f16").removeprefix("model.")
        value = torch.tensor(numpy_helper.to_array(tensor))
        if name.endswith(".T"):
            name, value = name.removesuffix(".T"), value.T
        found[name] = value
    return found


def _renamed(name: str) -> str:
    for pattern, new in RENAMED:
        name = pattern.sub(new, name)
    return name


def _flow_read(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The matching head's first product, which export splits by what it reads."""
    parts = [found.get(f"flow_head.read_{part}") for part in READ]
    if any(part is None for part in parts):
        return {}
    biases = [x.flatten() for name, x in found.items() if name.startswith("flow_head.read_bias.")]
    return {
        "flow_head.read.weight": torch.cat([x.flatten(1) for x in parts if x is not None], dim=1),
        "flow_head.read.bias": torch.zeros_like(biases[0]),
        "flow_head.level_bias": torch.stack(biases),
    }


def _flow_project(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The flow encoder's products, of which export makes one for each kind of features."""
    begin = "flow_encoder.learned."
    return {
        name.replace(begin, "flow_encoder.project."): torch.cat([learned, found[other]])
        for name, learned in found.items()
        if name.startswith(begin)
        and (other := name.replace(begin, "flow_encoder.context.")) in found
    }


def _merged_away(model: nn.Module) -> set[str]:
    """Parameters that may be missing: a fresh model's own values take the place of the merged."""
    beginnings: list[str] = []
    for name, module in model.named_modules():
        if isinstance(module, LocalBlock):
            beginnings += [f"{name}.gain", f"{name}.norm."]
        if isinstance(module, SegmentationHead | DepthHead | FlowEncoder | MatchingFlow):
            beginnings.append(f"{name}.norm.")
    names = [name for name, _ in model.named_parameters()]
    return {name for name in names if name.startswith(tuple(beginnings))}
