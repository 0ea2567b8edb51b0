"""How a traced graph becomes a file: axes named, weights in float16 under the model's own names.

The parameters keep their names, so that the file is also where `read_model` finds the PyTorch model
again: the reference that engines are compared with needs no second copy of the weights.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from export.adapter import FlowGraph, FrameGraph, PairGraph, folded
from export.trace import Traced
from models.config import ModelConfig, config_from_dict, config_to_dict
from models.dense_model import DenseModel

HALF_FROM = 1024
"""Elements: smaller tensors (norms, biases) stay float32, they weigh nothing."""
TURNED = ".T"  # a linear layer's weight, as MatMul wants it
CONFIG = "anyres_config"  # key of the file's metadata


class StorageError(ValueError):
    """A file that does not hold a model of ours, or weights that float16 cannot hold."""


def to_file(
    traced: Traced, graph: FrameGraph | FlowGraph | PairGraph, config: ModelConfig
) -> onnx.ModelProto:
    """The graph as it is written to disk.

    Raises:
        StorageError: a weight is too large for float16, or a parameter got lost in the trace.
    """
    model = onnx.ModelProto()
    model.CopyFrom(traced.model)
    _name_axes(model, traced.axes)
    _strip(model)
    # Those that the heads share appear under each head's name; the frame's graph has no flow head.
    parameters = dict(graph.named_parameters(remove_duplicate=False))
    unused = [name for name in parameters if "model.flow_head." in name]
    _name_parameters(model, {n: p for n, p in parameters.items() if n not in unused})
    _halve(model)
    model.producer_name = "anyres"
    helper.set_model_props(model, {CONFIG: json.dumps(config_to_dict(config))})
    return model


def read_model(folder: Path, files: Mapping[str, str]) -> DenseModel:
    """The PyTorch model (folded) whose weights lie in a bundle's graphs.

    Args:
        folder: of the bundle.
        files: "frame" and, with flow, "flow": names of the ONNX files.

    Raises:
        StorageError: a file was not written by this program.
    """
    graphs = {name: onnx.load(folder / file) for name, file in files.items()}
    properties = {p.key: p.value for p in graphs["frame"].metadata_props}
    if CONFIG not in properties:
        raise StorageError(
            f"{folder / files['frame']}: no {CONFIG!r} among its properties; expected a graph that "
            f"`python -m export onnx` wrote: export the checkpoint again"
        )
    model = folded(DenseModel(config_from_dict(json.loads(properties[CONFIG]))))
    _load(FrameGraph(model), graphs["frame"], folder / files["frame"])
    if "flow" in graphs:
        _load(FlowGraph(model), graphs["flow"], folder / files["flow"])
    return model


def _load(graph: nn.Module, source: onnx.ModelProto, path: Path) -> None:
    stored = {t.name: t for t in source.graph.initializer}
    # A cast node turns `name.f16` into `name`.
    names = {node.output[0]: node.input[0] for node in source.graph.node if node.op_type == "Cast"}
    for name, parameter in graph.named_parameters():
        if name.startswith("model.flow_head."):
            continue  # lies in the flow graph
        for key, turned in ((name, False), (name + TURNED, True)):
            tensor = stored.get(names.get(key, key))
            if tensor is not None:
                value = torch.tensor(numpy_helper.to_array(tensor)).float()
                parameter.data.copy_(value.T if turned else value)
                break
        else:
            raise StorageError(f"{path}: no weights named {name}: export the checkpoint again")


def _name_axes(model: onnx.ModelProto, axes: Mapping[str, tuple[str, ...]]) -> None:
    for port in [*model.graph.input, *model.graph.output]:
        dims = port.type.tensor_type.shape.dim
        for dim, axis in zip(dims, axes[port.name], strict=True):
            dim.Clear()
            if axis.isdigit():
                dim.dim_value = int(axis)
            else:
                dim.dim_param = axis


def _strip(model: onnx.ModelProto) -> None:
    """Drop what only helps to debug the exporter: names of our files and lines, inner shapes."""
    del model.graph.value_info[:]
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for item in [*model.graph.node, *model.graph.input, *model.graph.output]:
        del item.metadata_props[:]
        item.doc_string = ""
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
        tensor.doc_string = ""


def _name_parameters(model: onnx.ModelProto, parameters: Mapping[str, Tensor]) -> None:
    """Give transposed weights, which the exporter renamed, their names back."""
    stored = {t.name: t for t in model.graph.initializer}
    anonymous: dict[bytes, list[str]] = {}
    for name, tensor in stored.items():
        if name not in parameters:
            anonymous.setdefault(_content(_stored(tensor)), []).append(name)
    renamed: dict[str, str] = {}
    for name, parameter in parameters.items():
        if name in stored:
            continue
        turned = _content(np.ascontiguousarray(_array(parameter).T))
        if not anonymous.get(turned):
            raise StorageError(
                f"{name} {tuple(parameter.shape)} is not in the traced graph, expected every "
                f"parameter: it was folded into another constant, or is not used"
            )
        renamed[anonymous[turned].pop()] = name + TURNED
    for tensor in model.graph.initializer:
        tensor.name = renamed.get(tensor.name, tensor.name)
    for node in model.graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = renamed.get(name, name)


def _array(parameter: Tensor) -> NDArray[np.generic]:
    parameter = parameter.detach()
    if parameter.dtype == torch.bfloat16:  # which numpy does not have: its bits
        parameter = parameter.view(torch.int16)
    array: NDArray[np.generic] = parameter.numpy()
    return array


def _stored(tensor: onnx.TensorProto) -> NDArray[np.generic]:
    array = numpy_helper.to_array(tensor)
    return array.view(np.int16) if tensor.data_type == TensorProto.BFLOAT16 else array


def _content(array: NDArray[np.generic]) -> bytes:
    return repr(array.shape).encode() + array.tobytes()


def _halve(model: onnx.ModelProto) -> None:
    """Store large float32 tensors in float16, behind a cast that engines run once."""
    tensors, casts = [], []
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= HALF_FROM:
            value = numpy_helper.to_array(tensor)
            half = value.astype(np.float16)
            if not np.isfinite(half).all():
                raise StorageError(
                    f"{tensor.name} holds {np.abs(value).max():.3g}, expected at most 65504, what "
                    f"float16 can hold: the weights have diverged, train again"
                )
            name = tensor.name + ".f16"
            casts.append(
                helper.make_node("Cast", [name], [tensor.name], name=name, to=TensorProto.FLOAT)
            )
            tensor = numpy_helper.from_array(half, name)
        tensors.append(tensor)
    nodes = list(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(tensors)
    model.graph.node.extend(casts + nodes)
