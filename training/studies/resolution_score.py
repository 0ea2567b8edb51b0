"""One set of weights at many test resolutions and shapes: CamVid's images and rendered pairs.

Every test image is had once, at the highest resolution, and averaged down to the others. The truth
is that of the test resolution, and so are the answers.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.runtime.predictor import Prediction, predict
from models.task import CLASS_NAMES
from training.data.augment import crop, scale
from training.data.pool import Pool
from training.data.readers.camvid import CamVid
from training.data.rendered import KINDS, POOLS, VERSION, Kind
from training.data.sample import Cut, Sample
from training.data.synthetic.layered import render_pair
from training.data.synthetic.scene import render_scene
from training.metrics.depth import DepthScore
from training.metrics.flow import FlowScore
from training.metrics.segmentation import SegmentationScore
from training.studies.whole_crops import largest

SHAPES: Final[Mapping[str, float]] = {"1:1": 1.0, "16:9": 16 / 9, "1:2.35": 1 / 2.35}
"""Width over height of the test images. All have the area of the training canvas."""
ALL: Final = "all"
"""The mean over the shapes."""
FIRST_SEED: Final = 2 * 10**6  # training's pools begin at 0 and at 10^6

Predict = Callable[[NDArray[np.uint8], NDArray[np.uint8] | None], Prediction]
Curves = dict[str, dict[str, list[float]]]
"""Task -> shape -> one score per test resolution."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What is scored, and how to read it."""

    title: str
    axis: str
    higher_is_better: bool


MEASURES: Final[Mapping[str, Measure]] = {
    "segmentation": Measure(title="Segmentation, CamVid val", axis="mIoU", higher_is_better=True),
    "depth": Measure(
        title="Depth, rendered", axis="delta1 (scale and shift fitted)", higher_is_better=True
    ),
    "flow": Measure(
        title="Flow, rendered",
        axis="EPE, % of the side",
        higher_is_better=False,
    ),
}


@dataclass(frozen=True, kw_only=True)
class TestSet:
    """What is held out, and at which sizes it is looked at."""

    __test__ = False  # not a test of pytest's

    canvas: tuple[int, int]
    """(height, width) in pixels of training: the test resolution 1."""
    sizes: tuple[float, ...]
    """Factors of the sides."""
    num_images: int
    num_pairs: int
    """Of each shape, streets, rooms and layered ones in turn; depth is known of the first two."""

    def at_one(self, shape: str) -> tuple[float, float]:
        """(height, width) of a shape at test resolution 1, not rounded."""
        height = (self.canvas[0] * self.canvas[1] / SHAPES[shape]) ** 0.5
        return height, height * SHAPES[shape]

    def size(self, shape: str, factor: float) -> tuple[int, int]:
        """(height, width) in pixels of a shape at a test resolution."""
        height, width = self.at_one(shape)
        return max(round(height * factor), 1), max(round(width * factor), 1)

    def images(self, shape: str) -> Iterable[Sample]:
        """Evenly spaced frames of CamVid's val clip, the middle of each."""
        camvid = CamVid(split="val")
        for index in np.linspace(0, len(camvid) - 1, min(self.num_images, len(camvid))):
            sample = camvid[round(index)]
            size = largest(sample.size, SHAPES[shape])
            corner = ((sample.size[0] - size[0]) // 2, (sample.size[1] - size[1]) // 2)
            yield crop(sample, corner, size)

    def pairs(self, shape: str) -> Iterable[Sample]:
        """Rendered at the highest test resolution, kept on disk."""
        for kind in KINDS:
            pool = self._pool(kind, shape)
            for index in range(len(pool)):
                yield _sample(pool[index])

    def render(self, report: Callable[[str], None]) -> None:
        """Make sure that every pair is on disk."""
        for shape in SHAPES:
            for kind in KINDS:
                pool = self._pool(kind, shape)
                missing = [index for index in range(len(pool)) if not pool.has(index)]
                if missing:
                    report(f"rendering {len(missing)} {kind} pairs of shape {shape} to test on")
                for index in missing:
                    pool.fill(index)

    def _pool(self, kind: Kind, shape: str) -> Pool:
        height, width = size = self.size(shape, max(self.sizes))
        # 16 pairs are 6 streets, 5 rooms and 5 layered ones.
        order: list[Kind] = ["street", "indoor", "layered"]
        return Pool(
            folder=POOLS / f"test-{kind}-{height}x{width}-v{VERSION}",
            num_items=len(range(order.index(kind), self.num_pairs, len(order))),
            render=lambda index: _rendered(kind, FIRST_SEED + index, size),
        )


@dataclass(frozen=True, kw_only=True)
class ResolutionScore:
    """Scores of a file of weights; the curves are written beside it."""

    held_out: TestSet

    def __call__(self, weights: Path, *, final: bool) -> dict[str, float]:
        """Scores at test resolution 1, or the one that is nearest, meant over the shapes."""
        from models.runtime.eager import EagerRuntime  # imports torch
        from models.weights import load_weights

        del final  # there is one point only
        runtime = EagerRuntime(load_weights(weights))

        def run(image: NDArray[np.uint8], next_image: NDArray[np.uint8] | None) -> Prediction:
            return predict(runtime, image, next_image)

        curves = measure(run, self.held_out)
        write_curves(weights.with_name("curves.json"), curves, self.held_out)
        sizes = np.abs(np.log(self.held_out.sizes))
        return {task: shapes[ALL][int(sizes.argmin())] for task, shapes in curves.items()}


def nothing_learned(image: NDArray[np.uint8], next_image: NDArray[np.uint8] | None) -> Prediction:
    """All is road, equally far, and stands still: what a score is worth nothing below."""
    height, width = image.shape[:2]
    del next_image
    return Prediction(
        labels=np.full((height, width), CLASS_NAMES.index("road"), np.uint8),
        depth=np.ones((height, width), np.float32),
        flow=np.zeros((height, width, 2), np.float32),
    )


def write_curves(path: Path, curves: Curves, held_out: TestSet) -> None:
    """Write curves and what they were measured on."""
    path.write_text(json.dumps({**asdict(held_out), "curves": curves}, indent=2) + "\n")


def read_curves(path: Path) -> Curves:
    """The inverse of `write_curves`."""
    curves: Curves = json.loads(path.read_text())["curves"]
    return curves


def measure(run: Predict, held_out: TestSet) -> Curves:
    """Every score at every test resolution and shape."""
    curves: Curves = {task: {} for task in MEASURES}
    for shape in SHAPES:
        images, pairs = list(held_out.images(shape)), list(held_out.pairs(shape))
        for factor in held_out.sizes:
            size = held_out.size(shape, factor)
            found = at_size(run, images, pairs, size)
            for task, value in found.items():
                curves[task].setdefault(shape, []).append(value)
    for shapes in curves.values():
        shapes[ALL] = np.mean(list(shapes.values()), axis=0).tolist()
    return curves


def at_size(
    run: Predict, images: Sequence[Sample], pairs: Sequence[Sample], size: tuple[int, int]
) -> dict[str, float]:
    """Scores at one resolution.

    Args:
        run: the model.
        images: with labels.
        pairs: with flow, and some with depth.
        size: (height, width) in pixels that all are brought to.
    """
    segmentation = SegmentationScore(num_classes=len(CLASS_NAMES))
    depth, flow = DepthScore(alignment="scale_shift"), FlowScore()
    for image in images:
        sample = scale(image, size)
        labels = run(sample.image, None).labels
        assert labels is not None
        assert sample.labels is not None
        segmentation.add(labels, sample.labels)
    for pair in pairs:
        sample = scale(pair, size)
        answer = run(sample.image, sample.next_image)
        assert answer.flow is not None
        assert answer.depth is not None
        assert sample.flow is not None
        flow.add(answer.flow, sample.flow)
        if sample.inverse_depth is not None:
            depth.add(answer.depth, sample.inverse_depth)
    side_px = (size[0] * size[1]) ** 0.5
    return {
        "segmentation": segmentation.result().miou,
        "depth": depth.result().delta1,
        "flow": 100 * flow.result().epe / side_px,
    }


def _rendered(kind: Kind, seed: int, size: tuple[int, int]) -> Cut:
    camvid = CamVid(split="val")
    photographs = [camvid[i].image for i in range(0, len(camvid), 20)]
    if kind == "layered":
        return render_pair(
            seed, canvas=size, origins=[(0, 0)], window=size, photographs=photographs
        )
    return render_scene(
        seed, kind=kind, canvas=size, origins=[(0, 0)], window=size, photographs=photographs
    )


def _sample(whole: Cut) -> Sample:
    return Sample(
        name=whole.name,
        image=whole.image[0],
        next_image=None if whole.next_image is None else whole.next_image[0],
        inverse_depth=None if whole.inverse_depth is None else whole.inverse_depth[0],
        flow=None if whole.flow is None else whole.flow[0],
    )
