"""A bundle whose answers are known without running it.

label = mean of red, green, blue // 24, up to 10; label confidence = mean / 255; depth = mean;
depth uncertainty = mean / 10; flow = (mean red of next_image - mean red of image, the same for
green) everywhere; flow uncertainty = the same for blue. Same signature as a real bundle: any size,
blind to padding.
"""

from pathlib import Path

import onnx
import onnx.parser

from models.bundle import Bundle, DepthOutput, Graph, Port, SizeLimits, Training
from models.bundle_folder import write_bundle
from models.image.palette import CAMVID_PALETTE
from models.task import CLASS_NAMES

STRIDE = 16
LEVELS = ("4", "8", "16")

FRAME = """
<ir_version: 10, opset_import: ["": 20]>
frame (uint8[b,h,w,3] image, int64[b,2] size) => (
  uint8[b,h,w] labels, float16[b,h,w] label_confidence,
  float[b,h,w] depth, float16[b,h,w] depth_uncertainty,
  float[b,h4,w4,3] features_4, float[b,h8,w8,3] features_8, float[b,h16,w16,3] features_16)
{
  zero = Constant<value_int: int = 0>()
  one = Constant<value_int: int = 1>()
  second = Constant<value_ints: ints = [1]>()
  third = Constant<value_ints: ints = [2]>()
  last = Constant<value_ints: ints = [-1]>()
  black = Constant<value_float: float = 0.0>()
  pixels = Cast<to: int = 1>(image)
  depth = ReduceMean<keepdims: int = 0>(pixels, last)
  step = Constant<value_float: float = 24.0>()
  bucket = Div(depth, step)
  highest = Constant<value_float: float = 10.0>()
  whole = Floor(bucket)
  label = Min(whole, highest)
  labels = Cast<to: int = 2>(label)
  white = Constant<value_float: float = 255.0>()
  share = Div(depth, white)
  label_confidence = Cast<to: int = 10>(share)
  tenth = Div(depth, highest)
  depth_uncertainty = Cast<to: int = 10>(tenth)

  sides = Shape<start: int = 1, end: int = 3>(image)
  height, width = Split<num_outputs: int = 2>(sides)
  rows = Squeeze(height)
  cols = Squeeze(width)
  row = Range(zero, rows, one)
  col = Range(zero, cols, one)
  real_height, real_width = Split<axis: int = 1, num_outputs: int = 2>(size)
  row_inside = Less(row, real_height)
  col_inside = Less(col, real_width)
  row_inside_3 = Unsqueeze(row_inside, third)
  col_inside_3 = Unsqueeze(col_inside, second)
  inside = And(row_inside_3, col_inside_3)
  inside_4 = Unsqueeze(inside, last)
  clean = Where(inside_4, pixels, black)
  channels_first = Transpose<perm: ints = [0, 3, 1, 2]>(clean)
  stride = Constant<value_int: int = 16>()
  over = Mod(sides, stride)
  short = Sub(stride, over)
  below_right = Mod(short, stride)
  no_pads = Constant<value_ints: ints = [0, 0, 0, 0, 0, 0]>()
  pads = Concat<axis: int = 0>(no_pads, below_right)
  padded = Pad(channels_first, pads)
  mean_4 = AveragePool<kernel_shape: ints = [4, 4], strides: ints = [4, 4]>(padded)
  features_4 = Transpose<perm: ints = [0, 2, 3, 1]>(mean_4)
  mean_8 = AveragePool<kernel_shape: ints = [8, 8], strides: ints = [8, 8]>(padded)
  features_8 = Transpose<perm: ints = [0, 2, 3, 1]>(mean_8)
  mean_16 = AveragePool<kernel_shape: ints = [16, 16], strides: ints = [16, 16]>(padded)
  features_16 = Transpose<perm: ints = [0, 2, 3, 1]>(mean_16)
}
"""

FLOW = """
<ir_version: 10, opset_import: ["": 20]>
flow (float[b,h4,w4,3] first_4, float[b,h8,w8,3] first_8, float[b,h16,w16,3] first_16,
      float[b,h4,w4,3] second_4, float[b,h8,w8,3] second_8, float[b,h16,w16,3] second_16,
      int64[b,2] size) => (float[b,H,W,2] flow, float16[b,H,W] flow_uncertainty)
{
  change = Sub(second_4, first_4)
  space = Constant<value_ints: ints = [1, 2]>()
  total = ReduceSum<keepdims: int = 0>(change, space)
  cell_px = Constant<value_float: float = 16.0>()
  total_px = Mul(total, cell_px)
  real = Cast<to: int = 1>(size)
  last = Constant<value_ints: ints = [-1]>()
  area = ReduceProd(real, last)
  mean = Div(total_px, area)
  mean_4 = Unsqueeze(mean, space)
  parts = Constant<value_ints: ints = [2, 1]>()
  uv, blue = Split<axis: int = 3>(mean_4, parts)
  batch = Shape<start: int = 0, end: int = 1>(first_4)
  cells = Shape<start: int = 1, end: int = 3>(first_4)
  four = Constant<value_int: int = 4>()
  pixels = Mul(cells, four)
  one = Constant<value_ints: ints = [1]>()
  map_shape = Concat<axis: int = 0>(batch, pixels, one)
  flow = Expand(uv, map_shape)
  blue_map = Expand(blue, map_shape)
  flat = Squeeze(blue_map, last)
  flow_uncertainty = Cast<to: int = 10>(flat)
}
"""


def toy_bundle(**changes: object) -> Bundle:
    """The manifest; `changes` replace whole fields."""
    features = {level: ("b", f"h/{level}", f"w/{level}", "3") for level in LEVELS}
    image_axes = ("b", "h", "w")
    fields: dict[str, object] = {
        "name": "toy",
        "version": "1.0",
        "licence": "Apache-2.0",
        "tasks": ("segmentation", "depth", "flow"),
        "class_names": CLASS_NAMES,
        "palette": CAMVID_PALETTE,
        "depth": DepthOutput(convention="relative_inverse_depth", unit="", near_is_large=True),
        "stride": STRIDE,
        "size_limits": SizeLimits(min_side=1, max_side=4096, max_mpx=4.0),
        "mean": (0.0, 0.0, 0.0),
        "std": (1.0, 1.0, 1.0),
        "graphs": {
            "frame": Graph(
                file="frame.onnx",
                inputs=(
                    Port(name="image", dtype="uint8", axes=(*image_axes, "3")),
                    Port(name="size", dtype="int64", axes=("b", "2")),
                ),
                outputs=(
                    Port(name="labels", dtype="uint8", axes=image_axes),
                    Port(name="label_confidence", dtype="float16", axes=image_axes),
                    Port(name="depth", dtype="float32", axes=image_axes),
                    Port(name="depth_uncertainty", dtype="float16", axes=image_axes),
                    *(
                        Port(name=f"features_{level}", dtype="float32", axes=axes)
                        for level, axes in features.items()
                    ),
                ),
            ),
            "flow": Graph(
                file="flow.onnx",
                inputs=(
                    *(
                        Port(name=f"{which}_{level}", dtype="float32", axes=axes)
                        for which in ("first", "second")
                        for level, axes in features.items()
                    ),
                    Port(name="size", dtype="int64", axes=("b", "2")),
                ),
                outputs=(
                    Port(name="flow", dtype="float32", axes=("b", "H", "W", "2")),
                    Port(name="flow_uncertainty", dtype="float16", axes=("b", "H", "W")),
                ),
            ),
        },
        "training": Training(recipe="none", data=(), steps=0),
        "scores": {"miou": 0.5},
    }
    return Bundle(**(fields | changes))  # type: ignore[arg-type]


def write_toy_bundle(folder: Path) -> Bundle:
    """Graphs and manifest in `folder`, which must exist."""
    for name, text in (("frame", FRAME), ("flow", FLOW)):
        graph = onnx.parser.parse_model(text)
        onnx.checker.check_model(graph, full_check=True)
        onnx.save(graph, folder / f"{name}.onnx")
    return write_bundle(folder, toy_bundle())
