"""Jobs through a runtime, alone or many in one batch, each answer at its image's own size.

What a job gets does not depend on its batch: the graphs are blind to padding and to batch mates.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.image.sizes import crop, pad_images, padded_size
from models.runtime.feature_cells import cut, join
from models.runtime.job import Job
from models.runtime.protocol import Features, FlowMaps, FrameMaps, Runtime
from models.task import Task

Scalar = TypeVar("Scalar", bound=np.generic)

TOGETHER_UP_TO_PX = 512 * 512
"""Below, two frames in one batch are a third faster than one after the other; above, no faster."""

ShapeOf = Callable[[str, int, tuple[int, int]], tuple[int, int]]
"""(graph, images, size that holds them all) -> the (height, width) to run it at, no smaller."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Every map of one image, (h, w) of the image itself. None where it was not computed.

    Units and conventions as in models.runtime.protocol.
    """

    labels: NDArray[np.uint8] | None = None
    label_confidence: NDArray[np.float16] | None = None
    depth: NDArray[np.float32] | None = None
    depth_uncertainty: NDArray[np.float16] | None = None
    flow: NDArray[np.float32] | None = None
    """(h, w, 2)."""
    flow_uncertainty: NDArray[np.float16] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What a job gets."""

    prediction: Prediction
    features: Features | None
    """Of its newest frame, if it asked to keep them and the bundle has flow."""


def predict(
    runtime: Runtime, image: NDArray[np.uint8], next_image: NDArray[np.uint8] | None = None
) -> Prediction:
    """Maps of an image (h, w, 3); with the next frame, flow towards it as well.

    Each frame of a pair is encoded once: small ones in a batch of two, large ones one after the
    other, which takes the same time and half the memory. Segmentation and depth are the first
    frame's.

    Raises:
        InputError: the two frames differ in size, or an array is not uint8 RGB.
    """
    job = Job(image=image, next_image=next_image, tasks=frozenset(Task))
    together = job.size[0] * job.size[1] <= TOGETHER_UP_TO_PX
    # The stride is for features that are kept or meet others; a lone pair has neither.
    return predict_batch(runtime, [job], stride=None, together=together)[0].prediction


def predict_batch(
    runtime: Runtime,
    jobs: Sequence[Job],
    *,
    stride: int | None,
    together: bool = True,
    shape_of: ShapeOf = lambda _graph, _images, size: size,
) -> list[Outcome]:
    """Every job's maps, in order.

    Args:
        stride: of the bundle; None will do for a lone image or pair that keeps nothing.
        together: encode all frames in one array, padded to hold the largest; else one after the
            other, which needs the memory of one.
        shape_of: may ask for more padding, so that an engine meets a size that it knows.

    Raises:
        InputError: an array is not uint8 RGB, or features are not of an image of that size.
    """
    frames = _encode(runtime, jobs, together=together, shape_of=shape_of)
    flows = _estimate(runtime, jobs, frames, stride=stride, shape_of=shape_of)
    outcomes = []
    for index, (job, own) in enumerate(zip(jobs, frames, strict=True)):
        newest = own[-1].features
        keeps = job.keep_features and bool(newest.levels)
        assert not keeps or stride is not None
        outcomes.append(
            Outcome(
                prediction=_prediction(job, own[0], flows.get(index)),
                features=cut(newest, job.size, stride=stride) if keeps and stride else None,
            )
        )
    return outcomes


def _encode(
    runtime: Runtime, jobs: Sequence[Job], *, together: bool, shape_of: ShapeOf
) -> list[list[FrameMaps]]:
    """The maps of each job's frames, each a batch of one."""
    images = [image for job in jobs for image in job.frames]
    groups = [images] if together else [[image] for image in images]
    maps: list[FrameMaps] = []
    for group in groups:
        sizes = [(image.shape[0], image.shape[1]) for image in group]
        padded = shape_of("frame", len(group), padded_size(sizes))
        answer = runtime.frame(*pad_images(group, size=padded))
        maps += [_frame_of(answer, index) for index in range(len(group))]
    each = iter(maps)
    return [[next(each) for _ in job.frames] for job in jobs]


def _estimate(
    runtime: Runtime,
    jobs: Sequence[Job],
    frames: Sequence[Sequence[FrameMaps]],
    *,
    stride: int | None,
    shape_of: ShapeOf,
) -> dict[int, FlowMaps]:
    """Flow of the jobs that want it, each a batch of one, by the job's place in the batch."""
    asking = [index for index, job in enumerate(jobs) if job.has_flow]
    if not asking:
        return {}
    previous = [jobs[index].previous for index in asking]
    firsts = [
        frames[index][0].features if kept is None else kept
        for index, kept in zip(asking, previous, strict=True)
    ]
    seconds = [frames[index][-1].features for index in asking]
    sizes = np.array([jobs[index].size for index in asking], dtype=np.int64)
    if len(asking) == 1 and stride is None:
        answer = runtime.flow(firsts[0], seconds[0], sizes)
    else:
        assert stride is not None
        padded = shape_of("flow", len(asking), padded_size([jobs[index].size for index in asking]))
        first, second = (join(parts, padded, stride=stride) for parts in (firsts, seconds))
        answer = runtime.flow(first, second, sizes)
    return {
        index: FlowMaps(
            flow=answer.flow[row : row + 1],
            flow_uncertainty=answer.flow_uncertainty[row : row + 1],
        )
        for row, index in enumerate(asking)
    }


def _frame_of(maps: FrameMaps, index: int) -> FrameMaps:
    own = slice(index, index + 1)
    return FrameMaps(
        labels=None if maps.labels is None else maps.labels[own],
        label_confidence=None if maps.label_confidence is None else maps.label_confidence[own],
        depth=None if maps.depth is None else maps.depth[own],
        depth_uncertainty=None if maps.depth_uncertainty is None else maps.depth_uncertainty[own],
        features=maps.features.of(index),
    )


def _prediction(job: Job, maps: FrameMaps, flow: FlowMaps | None) -> Prediction:
    labelled, deep = Task.SEGMENTATION in job.tasks, Task.DEPTH in job.tasks
    return Prediction(
        labels=_own(maps.labels, job) if labelled else None,
        label_confidence=_own(maps.label_confidence, job) if labelled else None,
        depth=_own(maps.depth, job) if deep else None,
        depth_uncertainty=_own(maps.depth_uncertainty, job) if deep else None,
        flow=None if flow is None else _own(flow.flow, job),
        flow_uncertainty=None if flow is None else _own(flow.flow_uncertainty, job),
    )


def _own(batch: NDArray[Scalar] | None, job: Job) -> NDArray[Scalar] | None:
    """What lies inside the image. A copy where a view would keep a larger array alive."""
    if batch is None:
        return None
    inside = crop(batch[0], job.size)
    whole = inside if batch.base is None else batch.base
    return inside.copy() if getattr(whole, "size", 0) > inside.size else inside
