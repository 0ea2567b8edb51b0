"""What a bundle says of itself agrees with itself."""

import pytest

from models.bundle import BundleError, DepthOutput, Graph, SizeLimits


def test_a_file_for_a_precision_that_is_not_listed_is_refused() -> None:
    with pytest.raises(BundleError, match=r"mixed has \['bf16'\], precisions are \['f32'\]"):
        Graph(file="flow.onnx", inputs=(), outputs=(), mixed={"bf16": "flow.bf16.onnx"})


def test_metric_depth_has_a_unit_and_relative_depth_has_none() -> None:
    DepthOutput(convention="metric", unit="m", near_is_large=False)
    for convention, unit in (("metric", ""), ("relative_inverse_depth", "m"), ("disparity", "px")):
        with pytest.raises(BundleError, match="expected one of"):
            DepthOutput(convention=convention, unit=unit, near_is_large=True)


def test_limits_that_admit_nothing_are_refused() -> None:
    with pytest.raises(BundleError, match="min_side <= max_side"):
        SizeLimits(min_side=10, max_side=9)
