"""Every call teaches, but the first of a shape where that one compiles."""

from pathlib import Path

import numpy as np

from models.image.sizes import pad_images
from models.runtime.protocol import Runtime
from server.loading.loaded_model import load_model
from server.scheduling.calibration import AT_LEAST, CALLS, calibrate
from server.scheduling.cost import CostFit, CostModel
from server.scheduling.known_shapes import KnownShapes
from server.scheduling.measured_runtime import MeasuredRuntime
from server.scheduling.peak_meter import PeakMeter
from tests.server.scheduling.engines import Counting
from tests.server.serving import config_for, plain


def measured(folder: Path) -> tuple[MeasuredRuntime, Counting]:
    runtime = load_model(config_for(folder)).selection.runtime
    watch = Counting()
    found = MeasuredRuntime(
        runtime, cost=CostModel(), shapes=KnownShapes(), watch=watch, meter=PeakMeter()
    )
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


class Divided:
    """Can be had once more; the second one is itself."""

    def __init__(self, runtime: Runtime) -> None:
        self.name, self.version, self.precisions = "divided", "0", runtime.precisions
        self.frame, self.flow = runtime.frame, runtime.flow
        self.threads: list[int] = []

    def share(self, threads: int) -> Runtime:
        self.threads.append(threads)
        return self


def test_a_share_is_warm_for_what_ran_last_and_its_calls_teach_the_same_cost(folder: Path) -> None:
    runtime, watch = measured(folder)
    divisible = [runtime.is_divisible]  # ONNX Runtime runs calls at the same time by itself
    runtime.runtime = divided = Divided(runtime.runtime)
    divisible.append(runtime.is_divisible)
    assert divisible == [False, True]
    for side in (30, 100):
        maps = runtime.frame(*pad_images([plain(side, side, (1, 2, 3))]))
        runtime.flow(maps.features, maps.features, np.array([[side, side]]))
    assert all(call.is_cold for call in watch.calls)
    num_calls = len(watch.calls)
    assert runtime.warmed_px(2000) == 32 * 32
    share = runtime.share(3, largest_px=2000)
    assert divided.threads == [3]
    assert len(watch.calls) == num_calls  # warming says nothing
    maps = share.frame(*pad_images([plain(30, 30, (1, 2, 3))]))
    share.flow(maps.features, maps.features, np.array([[30, 30]]))
    share.frame(*pad_images([plain(100, 100, (1, 2, 3))]))
    assert [call.is_cold for call in watch.calls[num_calls:]] == [False, False, True]
    assert share.shapes.cold is runtime.shapes.cold
    assert runtime.cost.graphs["frame"].num_calls == 4
    assert share.memory is not runtime.memory


class Taught(CostFit):
    """Remembers what it was taught."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def observe(self, *, num_pixels: int, num_images: int, measured_s: float) -> None:
        assert (num_pixels, num_images) == (64, 1)
        self.seconds.append(measured_s)


def test_the_first_call_of_a_shape_teaches_what_a_warm_one_takes(folder: Path) -> None:
    runtime, watch = measured(folder)
    taught = runtime.cost.graphs["frame"] = Taught()
    for side in range(40):  # first calls take three times as long
        runtime.shapes.ran(("frame", 1, (side, 0)), 9.0)
        runtime.shapes.ran(("frame", 1, (side, 0)), 3.0)
    cold_factor = runtime.shapes.cold_factor
    for _ in range(2):
        runtime.frame(*pad_images([plain(8, 8, (0, 0, 0))]))
    first, second = (call.measured_s for call in watch.calls)
    assert taught.seconds == [first / cold_factor, second]


def test_the_first_calls_end_when_their_time_is_used_up(folder: Path) -> None:
    runtime, watch = measured(folder)
    now = iter(range(1000))
    count = calibrate(
        runtime, has_flow=True, stride=16, budget_s=0.5, clock=lambda: float(next(now))
    )
    assert count == 2 * AT_LEAST
    assert [call.graph for call in watch.calls] == ["frame", "flow"] * count
    everything = calibrate(runtime, has_flow=False, stride=16, budget_s=1e9)
    assert everything == 2 * len(CALLS)
    assert {call.graph for call in watch.calls[2 * count :]} == {"frame"}
