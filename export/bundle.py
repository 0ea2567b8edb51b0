"""From a checkpoint to the folder that is served."""

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import onnx
import torch

from export.adapter import FlowGraph, FrameGraph, PairGraph, folded
from export.gate import check_model
from export.storage import to_file
from export.trace import Traced, trace_flow, trace_frame, trace_pair
from models.bundle import FORMAT_VERSION, Bundle, DepthOutput, Graph, Port, SizeLimits, Training
from models.bundle_folder import MANIFEST, write_bundle
from models.config import ModelConfig
from models.heads.flow import MatchingFlow
from models.image.label_sets import palette_of
from models.image.normalize import MEAN, STD
from models.weights import load_weights, read_weights
from models.windows import STRIDE

DTYPES = {
    onnx.TensorProto.FLOAT: "float32",
    onnx.TensorProto.UINT8: "uint8",
    onnx.TensorProto.INT64: "int64",
    onnx.TensorProto.FLOAT16: "float16",
}
PRECISIONS = {"frame": ("f32", "bf16"), "flow": ("bf16", "f32")}
"""Coordinates do not survive bfloat16: its steps are 1 above 128. So an engine may not put all of
flow into it; a file of its own does so with the products of matching."""


class ExportError(ValueError):
    """A checkpoint or a folder that cannot become a bundle."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """What a bundle says about itself."""

    name: str | None = None
    """Letters, digits and ._-; part of URLs. The recipe's name where None."""
    version: str = "0.1.0"
    description: str = ""
    licence: str = "unknown"
    """SPDX identifier; it follows from the data that the weights saw."""
    data: tuple[str, ...] = ()
    scores: dict[str, float] = field(default_factory=dict)


def export_bundle(
    checkpoint: Path, out: Path, label: Label, *, report: Callable[[str], None]
) -> Bundle:
    """Write bundle.json, frame.onnx and, if the model has flow, flow.onnx and flow.bf16.onnx.

    Other files of the folder, such as a model card, stay and are listed with their digests. A
    bundle that is there is replaced at the end, in one go per file.

    Args:
        checkpoint: weights that training wrote (.safetensors).
        out: a folder, made if need be.
        label: what bundle.json says.
        report: receives one line per step.

    Raises:
        WeightsError: the checkpoint is not one of ours.
        ExportError: the folder holds something else than a bundle.
        GateError: the graph would be wrong at other sizes.
    """
    _check_folder(out)
    header, _ = read_weights(checkpoint)
    model = load_weights(checkpoint)
    config = model.config
    frame = FrameGraph(folded(model))
    graphs: dict[str, FrameGraph | FlowGraph] = {"frame": frame}
    if model.flow_head is not None:
        graphs["flow"] = FlowGraph(frame.model)
    if isinstance(model.flow_head, MatchingFlow):
        graphs["flow.bf16"] = FlowGraph(folded(model, flow_dtype=torch.bfloat16))
    described: dict[str, Graph] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, graph in graphs.items():
            report(f"tracing {name}.onnx, a few minutes")
            traced = trace_frame(graph) if isinstance(graph, FrameGraph) else trace_flow(graph)
            file = Path(scratch) / f"{name}.onnx"
            described[name] = _write(file, traced, graph, config, PRECISIONS.get(name, ("f32",)))
        _join_flow(described)
        bundle = _describe(config, header, label, described)  # refuses before anything is replaced
        out.mkdir(parents=True, exist_ok=True)
        written = [out / f"{name}.onnx" for name in graphs]
        for path in written:
            unfinished = path.with_suffix(".onnx.new")
            shutil.move(Path(scratch) / path.name, unfinished)
            os.replace(unfinished, path)
        # An export that was cut off may have left a part of a file.
        for stale in {*out.glob("*.onnx"), *out.glob("*.onnx.new")} - set(written):
            stale.unlink()
    return write_bundle(out, bundle)


def _join_flow(described: dict[str, Graph]) -> None:
    """One entry for both files of flow; without the second, flow is in float32 alone."""
    mixed = described.pop("flow.bf16", None)
    if mixed is not None:
        described["flow"] = replace(described["flow"], mixed={"bf16": mixed.file})
    elif "flow" in described:
        described["flow"] = replace(described["flow"], precisions=("f32",))


def export_single_file(checkpoint: Path, file: Path) -> None:
    """Both graphs as one ONNX file: image, next_image, size in, every map out.

    Raises:
        WeightsError: the checkpoint is not one of ours.
        ExportError: the model has no flow, so that frame.onnx already is the single file.
    """
    model = load_weights(checkpoint)
    if model.flow_head is None:
        raise ExportError(f"{checkpoint}: has no flow; frame.onnx of its bundle is the single file")
    graph = PairGraph(folded(model))
    _write(file, trace_pair(graph), graph, model.config, ("f32",))


def _write(
    file: Path,
    traced: Traced,
    graph: FrameGraph | FlowGraph | PairGraph,
    config: ModelConfig,
    precisions: tuple[str, ...],
) -> Graph:
    check_model(traced.model, traced.axes)
    model = to_file(traced, graph, config)
    onnx.checker.check_model(model)
    onnx.save(model, file)
    inputs = list(traced.axes)[: traced.num_inputs]
    types = {
        port.name: DTYPES[port.type.tensor_type.elem_type]
        for port in [*model.graph.input, *model.graph.output]
    }
    ports = {
        name: Port(name=name, dtype=types[name], axes=axes) for name, axes in traced.axes.items()
    }
    return Graph(
        file=file.name,
        inputs=tuple(port for name, port in ports.items() if name in inputs),
        outputs=tuple(port for name, port in ports.items() if name not in inputs),
        precisions=precisions,
    )


def _describe(
    config: ModelConfig, header: dict[str, str], label: Label, graphs: dict[str, Graph]
) -> Bundle:
    names = config.segmentation.class_names if config.segmentation else ()
    recipe = header.get("recipe", "unknown")
    return Bundle(
        format_version=FORMAT_VERSION,
        name=label.name or recipe,
        version=label.version,
        description=label.description,
        licence=label.licence,
        tasks=tuple(task.value for task in config.tasks),
        class_names=names,
        palette=palette_of(names),
        depth=(
            DepthOutput(convention="relative_inverse_depth", unit="", near_is_large=True)
            if config.depth
            else None
        ),
        stride=STRIDE,
        size_limits=SizeLimits(),
        mean=MEAN,
        std=STD,
        graphs=graphs,
        training=Training(recipe=recipe, data=label.data, steps=int(header.get("step", "0"))),
        scores=label.scores,
    )


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise ExportError(f"{out}: is a file, expected a folder: name another one")
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).exists():
        only_cards = all(path.suffix == ".md" for path in out.iterdir())
        if not only_cards:
            raise ExportError(
                f"{out}: holds other files and no {MANIFEST}; expected an empty folder or a "
                f"bundle: name another one"
            )
