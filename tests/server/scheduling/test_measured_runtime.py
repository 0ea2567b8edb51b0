"""Every call teaches, but the first of a shape where that one compiles."""

from pathlib import Path

import numpy as np

from models.image.sizes import pad_images
from models.runtime.protocol import Runtime
from server.loading.loaded_model import load_model
from server.scheduling.calibration import CALLS, calibrate
from server.scheduling.cost import CostModel
from server.scheduling.known_shapes import KnownShapes
from server.scheduling.measured_runtime import MeasuredRuntime
from tests.server.scheduling.engines import Counting
from tests.server.serving import config_for, plain


def measured(folder: Path) -> tuple[MeasuredRuntime, Counting]:
    runtime = load_model(config_for(folder)).selection.runtime
    watch = Counting()
    found = MeasuredRuntime(runtime, cost=CostModel(), shapes=KnownShapes(), watch=watch)
    assert isinstance(found, Runtime)
    return found, watch


def test_it_answers_as_the_runtime_does_and_tells_what_ran(folder: Path) -> None:
    runtime, watch = measured(folder)
    batch = pad_images([plain(20, 30, (1, 2, 3)), plain(33, 8, (4, 5, 6))])
    maps = runtime.frame(*batch)
    flow = runtime.flow(maps.features, maps.features, batch[1])
    assert maps.depth is not None
    np.testing.assert_array_equal(maps.depth[0], runtime.runtime.frame(*batch).depth[0])  # type: ignore[index]
    assert flow.flow.shape == (2, 48, 32, 2)
    assert [(c.graph, c.num_images, c.size, c.is_cold) for c in watch.calls] == [
        ("frame", 2, (33, 30), True),
        ("flow", 2, (48, 32), True),
    ]
    assert all(call.measured_s > 0 for call in watch.calls)
    assert (runtime.name, runtime.precisions) == ("onnxruntime", {"frame": "f32", "flow": "f32"})


def test_the_first_call_of_a_shape_is_left_out_only_where_it_is_slow(folder: Path) -> None:
    runtime, _ = measured(folder)
    fit = runtime.cost.graphs["frame"]
    for side in (8, 9, 10):
        runtime.frame(*pad_images([plain(side, side, (0, 0, 0))]))
    assert fit.num_calls == 3
    runtime.shapes.cold_factor = 5.0
    runtime.frame(*pad_images([plain(11, 11, (0, 0, 0))]))
    assert fit.num_calls == 3
    runtime.frame(*pad_images([plain(11, 11, (0, 0, 0))]))
    assert fit.num_calls == 4


def test_the_first_calls_end_when_their_time_is_used_up(folder: Path) -> None:
    runtime, watch = measured(folder)
    now = iter(range(1000))
    count = calibrate(
        runtime, has_flow=True, stride=16, budget_s=3.5, clock=lambda: float(next(now))
    )
    assert count == 3
    assert [call.graph for call in watch.calls] == ["frame", "flow"] * 3
    everything = calibrate(runtime, has_flow=False, stride=16, budget_s=1e9)
    assert everything == 2 * len(CALLS)
    assert {call.graph for call in watch.calls[6:]} == {"frame"}
