"""From a module to an ONNX model whose axes are really free.

`torch.export` first and a look at what it assumed, then ONNX: `torch.onnx.export(module)` in one
step drops wrong assumptions about sizes without a word.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import onnx
import onnx_ir
import onnxscript.optimizer
import torch
from onnx_ir.passes import common as passes
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx.experimental import _config as symbolic_shapes

from export.adapter import FEATURE_NAMES, FlowGraph, FrameGraph, PairGraph
from export.gate import check_program
from models.windows import STRIDE

OPSET = 23
"""The first with Attention as one operator, which engines run fused."""
WEIGHTS: tuple[object, ...] = (onnx_ir.DataType.FLOAT, onnx_ir.DataType.BFLOAT16)
MAX_BATCH = 1024
MAX_SIDE = 65536
EXAMPLE = (2, 90, 150)
"""(b, h, w) that is traced: nothing is 1 or minimal, no side is a multiple of the stride."""
FLOW_EXAMPLE = (2, 22, 38)
"""(b, rows, cols) at stride 16: at stride 64 there still are two blocks of matching each way."""


@dataclass(frozen=True, kw_only=True)
class Traced:
    """A graph and the words for its axes."""

    model: onnx.ModelProto
    num_inputs: int
    axes: dict[str, tuple[str, ...]]
    """By input, then by output: a name for a free axis, digits for a fixed one."""


def trace_frame(graph: FrameGraph) -> Traced:
    """The frame graph at every batch size, height and width."""
    free = _free_image()
    axes: dict[str, tuple[str, ...]] = {"image": ("B", "H", "W", "3"), "size": ("B", "2")}
    for name in graph.output_names:
        axes[name] = ("B", "H", "W")
        if name.startswith("features_"):
            axes[name] = _feature_axes(name.removeprefix("features_"), graph.channels)
    return _trace(graph, (_images(0), _sizes()), (free, {0: free[0]}), axes, inputs=2)


def trace_flow(graph: FlowGraph) -> Traced:
    """The flow graph at every batch size, height and width."""
    torch.manual_seed(0)
    batch, rows, cols = FLOW_EXAMPLE
    images = Dim("B", min=1, max=MAX_BATCH)
    height, width = (Dim(name, min=1, max=MAX_SIDE // STRIDE) for name in ("rows", "cols"))
    features, free = [], []
    axes: dict[str, tuple[str, ...]] = {}
    for frame in ("first", "second"):
        for name in FEATURE_NAMES:
            level, kind = name.split("_")
            times, channels = STRIDE // int(level), graph.channels[kind]
            features.append(torch.randn(batch, rows * times, cols * times, channels))
            free.append({0: images, 1: times * height, 2: times * width})
            axes[f"{frame}_{name}"] = _feature_axes(name, graph.channels)
    count = len(FEATURE_NAMES)
    size = torch.tensor([[rows * STRIDE - 26, cols * STRIDE - 30], [60, 20]])
    axes["size"] = ("B", "2")
    axes |= {"flow": ("B", "H1", "W1", "2"), "flow_uncertainty": ("B", "H1", "W1")}
    args = (features[:count], features[count:], size)
    dynamic = (free[:count], free[count:], {0: images})
    return _trace(graph, args, dynamic, axes, inputs=2 * count + 1)


def _feature_axes(name: str, channels: Mapping[str, int]) -> tuple[str, ...]:
    level, kind = name.split("_")
    return ("B", f"H{level}", f"W{level}", str(channels[kind]))


def trace_pair(graph: PairGraph) -> Traced:
    """Both in one."""
    free = _free_image()
    image = ("B", "H", "W", "3")
    axes: dict[str, tuple[str, ...]] = {"image": image, "next_image": image, "size": ("B", "2")}
    axes |= dict.fromkeys(graph.output_names, ("B", "H", "W"))
    axes["flow"] = ("B", "H", "W", "2")
    args = (_images(0), _images(1), _sizes())
    return _trace(graph, args, (free, free, {0: free[0]}), axes, inputs=3)


def _trace(
    graph: nn.Module,
    args: tuple[Any, ...],
    free: tuple[Any, ...],
    axes: dict[str, tuple[str, ...]],
    *,
    inputs: int,
) -> Traced:
    handles = [
        module.register_forward_pre_hook(_contiguous)
        for module in graph.modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    names = list(axes)
    # Sizes of 1 are as good as any other: without this, the program is told apart at 1.
    patch = symbolic_shapes.patch(backed_size_oblivious=True)  # type: ignore[attr-defined]
    with patch, torch.no_grad():
        program: ExportedProgram = torch.export.export(
            graph, args, dynamic_shapes=free, strict=False
        )
        check_program(program)
        exported = torch.onnx.export(
            program,
            opset_version=OPSET,
            input_names=names[:inputs],
            output_names=names[inputs:],
            optimize=False,  # most of its minutes go into rewrites that engines do themselves
            verbose=False,
        )
    for handle in handles:
        handle.remove()
    assert exported is not None, "torch.onnx.export of a program returns its ONNX program"
    _fold(exported.model)
    return Traced(model=exported.model_proto, num_inputs=inputs, axes=axes)


def _fold(model: onnx_ir.Model) -> None:
    """Compute once what depends on no input, and drop what is then unused."""
    passes.InlinePass()(model)
    onnxscript.optimizer.fold_constants(
        model, onnx_shape_inference=False, should_fold=_is_no_pick_of_weights
    )
    onnx_ir.passes.Sequential(
        passes.RemoveUnusedNodesPass(),
        passes.RemoveUnusedFunctionsPass(),
        passes.RemoveUnusedOpsetsPass(),
        passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        passes.CommonSubexpressionEliminationPass(),
        passes.NameFixPass(),
    )(model)


def _is_no_pick_of_weights(node: onnx_ir.Node) -> bool | None:
    """False for weights read by index, which are many times larger then: engines do it at load."""
    source = node.inputs[0] if node.inputs else None
    if node.op_type != "Gather" or source is None or not source.is_initializer():
        return None
    return False if source.dtype in WEIGHTS else None


def _contiguous(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Any, ...]:
    """Undo channels-last memory, which ONNX does not know; the trace would guard its strides."""
    return (args[0].clone(memory_format=torch.contiguous_format), *args[1:])


def _free_image() -> dict[int, Any]:
    side = {"min": 1, "max": MAX_SIDE}
    return {0: Dim("B", min=1, max=MAX_BATCH), 1: Dim("H", **side), 2: Dim("W", **side)}


def _images(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (*EXAMPLE, 3), dtype=torch.uint8, generator=generator)


def _sizes() -> Tensor:
    _, h, w = EXAMPLE
    return torch.tensor([[h, w], [h - 20, w - 19]])
