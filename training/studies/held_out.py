"""Held-out scores of a study's models, in one pass and from tiles."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.task import CLASS_NAMES, Task
from models.weights import load_weights
from training.data.sample import Sample
from training.metrics.depth import DepthScore
from training.metrics.flow import FlowScore
from training.metrics.segmentation import SegmentationScore
from training.studies.canvases import Canvases
from training.studies.tiles import answer_of, tiled, whole

FAR_M = 80.0


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """The one number of a task that a study compares."""

    key: str
    title: str
    higher_is_better: bool


ACCURACY: dict[Task, Accuracy] = {
    Task.SEGMENTATION: Accuracy(key="miou", title="mIoU", higher_is_better=True),
    Task.DEPTH: Accuracy(key="delta1", title="depth delta1", higher_is_better=True),
    Task.FLOW: Accuracy(key="epe", title="flow EPE, px", higher_is_better=False),
}


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Scores weights on held-out canvases; with "_tiled" in the name where tiles answered."""

    canvases: Canvases
    task: Task
    num_images: int
    """Spread evenly over what is held out; at the end."""
    num_early: int
    """The same, before the end."""
    tile_side: int
    """px: what a method with one crop was trained on."""
    device: str = "cpu"

    def __call__(self, weights: Path, *, final: bool) -> dict[str, float]:
        """Tiles answer at the end alone."""
        model = load_weights(weights).to(self.device).eval()
        answer = answer_of(model, self.task)
        ways: dict[str, Callable[[Sample], NDArray[np.float32]]] = {
            "": lambda sample: whole(answer, sample.image, sample.next_image)
        }
        if final:
            ways["_tiled"] = lambda sample: tiled(
                answer, sample.image, sample.next_image, side=self.tile_side
            )
        number = min(self.num_images if final else self.num_early, self.canvases.num_test)
        chosen = np.linspace(0, self.canvases.num_test - 1, number).round().astype(int)
        scorers = {suffix: _scorer(self.task) for suffix in ways}
        for index in chosen:
            sample = self.canvases.test(int(index))
            for suffix, run in ways.items():
                scorers[suffix].add(run(sample), sample)
        return {
            f"{key}{suffix}": value
            for suffix, scorer in scorers.items()
            for key, value in scorer.result().items()
        }


class _Segmentation:
    def __init__(self) -> None:
        self.score = SegmentationScore(num_classes=len(CLASS_NAMES))

    def add(self, probabilities: NDArray[np.float32], sample: Sample) -> None:
        assert sample.labels is not None
        self.score.add(probabilities.argmax(0).astype(np.uint8), sample.labels)

    def result(self) -> dict[str, float]:
        found = self.score.result()
        return {"miou": found.miou, "pixel_accuracy": found.pixel_accuracy}


class _Depth:
    def __init__(self) -> None:
        self.score = DepthScore(alignment="scale_shift", far_m=FAR_M)

    def add(self, depth: NDArray[np.float32], sample: Sample) -> None:
        assert sample.inverse_depth is not None
        self.score.add(depth[0], sample.inverse_depth)

    def result(self) -> dict[str, float]:
        found = self.score.result()
        return {"delta1": found.delta1, "abs_rel": found.abs_rel}


class _Flow:
    def __init__(self) -> None:
        self.score = FlowScore()

    def add(self, flow: NDArray[np.float32], sample: Sample) -> None:
        assert sample.flow is not None
        self.score.add(flow.transpose(1, 2, 0), sample.flow, sample.occluded)

    def result(self) -> dict[str, float]:
        found = self.score.result()
        return {"epe": found.epe, "fl_all": found.fl_all}


def _scorer(task: Task) -> _Segmentation | _Depth | _Flow:
    scorers: dict[Task, type[_Segmentation] | type[_Depth] | type[_Flow]] = {
        Task.SEGMENTATION: _Segmentation,
        Task.DEPTH: _Depth,
        Task.FLOW: _Flow,
    }
    return scorers[task]()
