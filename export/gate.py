"""What a trace must not have assumed: every size has to work, not only the one that was traced."""

from collections.abc import Mapping

import onnx
from torch.export import ExportedProgram

from export.adapter import FEATURE_NAMES
from models.windows import STRIDE

SAMPLE_CELLS = ((1, 1), (1, 7), (9, 1), (3, 5), (68, 120))
"""(rows, cols) at stride 16 at which every recorded assumption is put to the test."""
LARGEST_POOLING = 2
"""Cells along one axis of the only pooling in the model, halve."""


class GateError(ValueError):
    """A graph that would be wrong at other sizes than the traced one."""


def check_program(program: ExportedProgram) -> None:
    """What torch.export assumed about the inputs.

    `a != b` is what reshapes leave behind, true of no size that matters; parity at 1x1 settles it.
    Where a is never below 1, `a != 1` is written `1 < a`. Any other assumption must hold at every
    size, and is evaluated at several.

    Raises:
        GateError: an axis became a constant, or an assumption fails at some size.
    """
    for symbol, interval in program.range_constraints.items():
        smallest = symbol.subs(dict.fromkeys(symbol.free_symbols, 1))  # 4 of an axis 4 * rows
        if interval.lower > smallest or interval.lower == interval.upper:
            raise GateError(
                f"{symbol} may only be {interval}, expected 1 and more: some code turned a size "
                f"into a Python number; compute with arange and index_select instead"
            )
    guards = [g for g in program._guards_code if "!=" not in g and not g.startswith("1 < ")]
    for cells in SAMPLE_CELLS:
        inputs = _Inputs(cells)
        for guard in guards:
            if not _holds(guard, inputs):
                raise GateError(
                    f"the graph holds only where {guard}, which fails at {cells} cells: find the "
                    f"branch or the slice behind it and write it as tensor arithmetic"
                )


def check_model(model: onnx.ModelProto, axes: Mapping[str, tuple[str, ...]]) -> None:
    """What the ONNX file may not contain.

    Raises:
        GateError: a fixed axis that should be free, a foreign operator, a pooling that was made
            for one size, data outside of the file.
    """
    ports = [*model.graph.input, *model.graph.output]
    names = [port.name for port in ports]
    if names != list(axes):
        raise GateError(f"the graph's inputs and outputs are {names}, expected {list(axes)}")
    for port in ports:
        for axis, dim in zip(axes[port.name], port.type.tensor_type.shape.dim, strict=True):
            fixed = dim.dim_value or (int(dim.dim_param) if dim.dim_param.isdigit() else 0)
            wanted = int(axis) if axis.isdigit() else 0
            if wanted != fixed:
                raise GateError(
                    f"axis {axis} of {port.name} became {fixed or 'free'}, "
                    f"expected it {wanted or 'free'}"
                )
    foreign = {node.domain for node in model.graph.node} - {"", "ai.onnx"}
    if foreign or model.functions:
        raise GateError(
            f"the graph needs {sorted(foreign)} and {len(model.functions)} functions, expected "
            f"standard operators alone: other engines could not run it"
        )
    for node in model.graph.node:
        kernel = [a.ints for a in node.attribute if a.name == "kernel_shape"]
        if node.op_type.startswith("Sequence"):
            raise GateError(f"{node.name} is {node.op_type}, which OpenVINO cannot run: index")
        if "Pool" in node.op_type and kernel and max(kernel[0]) > LARGEST_POOLING:
            raise GateError(f"{node.name} pools {list(kernel[0])} cells: made for one size")
    if any(t.data_location == onnx.TensorProto.EXTERNAL for t in model.graph.initializer):
        raise GateError("weights lie outside of the file, expected inside: save it as one file")


class _Inputs:
    """Stands for L in a guard such as L['first'][0].size()[2]: every input, at one size."""

    def __init__(self, cells: tuple[int, int]) -> None:
        self._cells = cells

    def __getitem__(self, name: str) -> object:
        rows, cols = self._cells
        if name in ("first", "second"):
            levels = [STRIDE // int(feature.partition("_")[0]) for feature in FEATURE_NAMES]
            return [_Shaped((3, rows * times, cols * times, 1)) for times in levels]
        if name == "size":
            return _Shaped((3, 2))
        return _Shaped((3, rows * STRIDE - 5, cols * STRIDE - 3, 3))


class _Shaped:
    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape

    def size(self) -> tuple[int, ...]:
        return self._shape


def _holds(guard: str, inputs: _Inputs) -> bool:
    # The guard is text that torch.export made from our own code.
    try:
        return bool(eval(guard, {"__builtins__": {}}, {"L": inputs}))
    except (NameError, AttributeError) as error:
        raise GateError(
            f"cannot tell where the graph holds, which assumes {guard} ({error}): write the code "
            f"behind it as tensor arithmetic"
        ) from error
