"""What counts as the same answer: every pixel is bounded, in every precision."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from export.parity import LIMITS, UNITS, WORST, Difference, compare
from models.bundle_folder import read_bundle
from models.runtime.protocol import Features, FlowMaps, FrameMaps, Runtime
from models.runtime.select import select_runtime
from tests.toy_bundle import write_toy_bundle

SIZE = (300, 200)
ROW = 250  # which no smaller image of the comparison has
CHANGED = [name for name in UNITS if name != "labels"]


class RowOff:
    """A runtime one row of whose maps is off by a share of what a pixel may be."""

    name, version = "row off", "0"

    def __init__(self, runtime: Runtime, *, precision: str, share: float) -> None:
        self.precisions = {"frame": precision, "flow": precision}
        self._runtime, self._share, self._bounds = runtime, share, WORST[precision]

    def frame(self, image: NDArray[np.uint8], size: NDArray[np.int64]) -> FrameMaps:
        maps = self._runtime.frame(image, size)
        changed: dict[str, Any] = {
            name: self._changed(name, getattr(maps, name)) for name in CHANGED[:3]
        }
        return replace(maps, **changed)

    def flow(self, first: Features, second: Features, size: NDArray[np.int64]) -> FlowMaps:
        maps = self._runtime.flow(first, second, size)
        changed = {name: self._changed(name, getattr(maps, name)) for name in CHANGED[3:]}
        return replace(maps, **changed)

    def _changed(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        values = values.copy()
        row = values[:, ROW : ROW + 1]
        # Of large expected errors their share counts.
        unit = np.maximum(row, 1) if name.endswith("uncertainty") else 1.0
        row += self._share * self._bounds[name] * unit
        return values


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    folder = tmp_path_factory.mktemp("toy")
    write_toy_bundle(folder)
    bundle = read_bundle(folder)
    return select_runtime(folder, bundle, engine="onnxruntime", threads=1).runtime


def differences(toy: Runtime, precision: str, share: float) -> list[Difference]:
    """Of the large image, map by map."""
    runtime = RowOff(toy, precision=precision, share=share)
    return [one for one in compare(runtime, toy, [SIZE]) if one.size == "300x200"]


@pytest.mark.parametrize("precision", sorted(LIMITS))
def test_a_row_that_is_wrong_is_found_although_the_mean_hides_it(
    toy: Runtime, precision: str
) -> None:
    found = {one.map_name: one for one in differences(toy, precision, 2.0)}
    assert list(found) == list(UNITS)
    assert found["labels"].passed
    for name in CHANGED:
        assert found[name].mean <= found[name].allowed, name
        assert found[name].worst == pytest.approx(2 * WORST[precision][name], rel=0.01), name
        assert not found[name].passed, name


@pytest.mark.parametrize("precision", sorted(LIMITS))
def test_a_row_within_the_bounds_passes(toy: Runtime, precision: str) -> None:
    for one in differences(toy, precision, 0.5):
        assert one.passed, one
        assert (one.worst > 0) == (one.map_name in CHANGED), one


def test_every_map_has_bounds_in_every_precision() -> None:
    for precision, limits in LIMITS.items():
        assert list(limits) == list(UNITS)
        assert list(WORST[precision]) == CHANGED
        # A mean is never above its largest part: a lower bound of pixels would make it pointless.
        assert all(WORST[precision][name] > limits[name] for name in CHANGED)
