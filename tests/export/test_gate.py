"""The gate refuses what would be right at the traced size alone."""

import onnx
import onnx.parser
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export import Dim, export
from torch.fx.experimental import _config as symbolic_shapes

from export.gate import GateError, check_model, check_program

pytestmark = pytest.mark.compile

AXES = {"image": ("B", "H", "W", "3"), "depth": ("B", "H", "W")}
PLAIN = """
<ir_version: 10, opset_import: ["": 20, "com.example": 1]>
graph (float[B,H,W,3] image) => (float[B,H,W] depth) {
  last = Constant<value_ints: ints = [-1]>()
  depth = ReduceMean<keepdims: int = 0>(image, last)
}
"""


class AnySize(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        rows = torch.arange(image.shape[1] // 2)
        return image.index_select(1, rows)


class Branching(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image * 2 if image.shape[1] > image.shape[2] else image


class FixedPooling(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return F.avg_pool2d(image.permute(0, 3, 1, 2), kernel_size=image.shape[1] // 4)


def program(module: nn.Module) -> torch.export.ExportedProgram:
    free = {1: Dim.AUTO, 2: Dim.AUTO}
    with symbolic_shapes.patch(backed_size_oblivious=True):  # type: ignore[attr-defined]
        return export(module, (torch.rand(2, 48, 80, 3),), dynamic_shapes=(free,), strict=False)


def test_code_for_any_size_passes() -> None:
    check_program(program(AnySize()))


@pytest.mark.parametrize("module", [Branching(), FixedPooling()], ids=["branch", "pooling"])
def test_code_for_some_sizes_is_refused(module: nn.Module) -> None:
    with pytest.raises(GateError):
        check_program(program(module))


def model(text: str) -> onnx.ModelProto:
    return onnx.parser.parse_model(text)


def test_a_plain_graph_passes() -> None:
    check_model(model(PLAIN), AXES)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("float[B,H,W,3] image", "float[B,48,W,3] image", "axis H of image became 48"),
        ("ReduceMean<keepdims: int = 0>", "com.example.Mean", "standard operators alone"),
        ("(float[B,H,W] depth)", "(float[B,H,W] labels)", "inputs and outputs"),
        (
            "{",
            "{ pooled = AveragePool<kernel_shape: ints = [24, 24]>(image)",
            "made for one size",
        ),
    ],
)
def test_what_other_engines_or_sizes_cannot_take_is_refused(
    old: str, new: str, message: str
) -> None:
    with pytest.raises(GateError, match=message):
        check_model(model(PLAIN.replace(old, new, 1)), AXES)
