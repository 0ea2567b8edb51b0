"""Maps in words and numbers. Axes: h w pixels."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.task import IGNORE_INDEX, Task
from server.answers.negotiation import Media
from server.answers.result import Result
from server.answers.schemas import (
    ClassArea,
    DepthSummary,
    FlowSummary,
    Link,
    ModelInfo,
    SegmentationSummary,
    Summary,
    Timings,
)
from server.codecs.dense_map import DenseMap, known_pixels

_BLOCK = 2**15  # pixels at a time: the steps between stay in the cache
MEDIAN_SAMPLE = 100_000  # pixels; a map of fewer than twice as many is taken whole
MOVING_PX = 1.0  # below, flow is within the error of good methods


def summarise(
    result: Result,
    *,
    png: dict[str, str] | None,
    maps: Mapping[str, Mapping[str, object]] | None,
) -> Summary:
    """The JSON answer; `png` holds each map in base64 and `maps` its words, if asked for."""
    bundle = result.bundle
    found = {task: result.map(task) for task in result.tasks}
    depth = flow = segmentation = None
    if Task.SEGMENTATION in found:
        confidence = result.prediction.label_confidence
        segmentation = summarise_labels(found[Task.SEGMENTATION].values, confidence, bundle)
    if Task.DEPTH in found:
        depth = summarise_depth(found[Task.DEPTH], result.beside(Task.DEPTH))
    if Task.FLOW in found:
        flow = summarise_flow(found[Task.FLOW], result.beside(Task.FLOW))
    return Summary(
        model=ModelInfo(name=bundle.name, version=bundle.version),
        image=result.image,
        next_image=result.next_image,
        segmentation=segmentation,
        depth=depth,
        flow=flow,
        timings=Timings(
            decode_ms=_ms(result.decode_s),
            queue_ms=_ms(result.queue_s),
            infer_ms=_ms(result.infer_s),
        ),
        stream=result.stream,
        warnings=result.warnings,
        links=_links(result) if png is None else None,
        png=png,
        maps=None if maps is None else {name: dict(words) for name, words in maps.items()},
    )


def _links(result: Result) -> dict[str, Link] | None:
    if result.repeat is None:
        return None
    return {
        task.value: Link(
            method="POST",
            href=f"?{urlencode({'tasks': task.value, **result.repeat})}",
            accept=Media.PNG.value,
        )
        for task in result.tasks
    }


def summarise_labels(
    labels: NDArray[np.uint8], confidence: NDArray[np.float16] | None, bundle: Bundle
) -> SegmentationSummary:
    """Classes that were found, by falling area. Pixels without a class are in no area."""
    flat = labels.ravel()
    counts = np.bincount(flat, minlength=IGNORE_INDEX + 1)
    sums = None
    if confidence is not None:
        # In float32: bincount would make 8 bytes of each of the 2 itself, at twice the time.
        weights = confidence.ravel().astype(np.float32)
        sums = np.bincount(flat, weights=weights, minlength=IGNORE_INDEX + 1)
    found = [i for i in np.argsort(-counts, kind="stable").tolist() if counts[i]]
    return SegmentationSummary(
        classes=[
            ClassArea(
                label=label,
                name=bundle.class_names[label],
                colour=bundle.palette[label],
                area=float(counts[label] / labels.size),
                confidence=None if sums is None else _finite(sums[label] / counts[label]),
            )
            for label in found
            if label < len(bundle.class_names)
        ],
        known=float(1 - counts[IGNORE_INDEX] / labels.size),
    )


def summarise_depth(dense: DenseMap, uncertainty: DenseMap | None = None) -> DepthSummary:
    """The range of the values that are there, and how far off the model expects to be."""
    depth, found = dense.values, dense.range
    known = depth[np.isfinite(depth)] if found.num_unknown else depth.ravel()
    return DepthSummary(
        convention=str(dense.words["convention"]),
        unit=str(dense.words["unit"]),
        near_is_large=dense.words["near_is_large"] is True,
        least=found.least,
        median=_median(known),
        greatest=found.greatest,
        median_uncertainty=_median_uncertainty(dense, uncertainty),
        known=1 - found.num_unknown / depth.size,
        constant=found.is_constant,
    )


def summarise_flow(dense: DenseMap, uncertainty: DenseMap | None = None) -> FlowSummary:
    """How much moves, where to, and how far off the model expects to be."""
    found = dense.range
    num_pixels = dense.values.shape[0] * dense.values.shape[1]
    vectors = dense.values[known_pixels(dense.values)] if found.num_unknown else dense.values
    vectors = vectors.reshape(-1, 2)
    count = len(vectors)
    moving, sums, longest = 0, np.zeros(3), 0.0  # sums of u, v and length
    # Squares of such vectors leave float32, which is twice as fast.
    large = max(abs(found.least or 0.0), abs(found.greatest or 0.0)) > 1e18
    dtype = np.float64 if large else np.float32
    for start in range(0, count, _BLOCK):
        u: NDArray[Any] = vectors[start : start + _BLOCK, 0].astype(dtype)
        v: NDArray[Any] = vectors[start : start + _BLOCK, 1].astype(dtype)
        length = np.sqrt(np.square(u) + np.square(v))
        # Millions of float32 need more digits than float32 has.
        sums += [part.sum(dtype=np.float64) for part in (u, v, length)]
        longest = max(longest, float(length.max()))
        moving += int(np.count_nonzero(length > MOVING_PX))
    mean = sums / max(count, 1)
    return FlowSummary(
        unit="px",
        mean=(float(mean[0]), float(mean[1])) if count else None,
        mean_length=float(mean[2]) if count else None,
        greatest_length=longest if count else None,
        median_uncertainty=_median_uncertainty(dense, uncertainty),
        moving=moving / num_pixels,
        known=count / num_pixels,
        constant=found.is_constant,
    )


def _median_uncertainty(dense: DenseMap, uncertainty: DenseMap | None) -> float | None:
    """Over the pixels that have a value and an expected error. A mean would be that of the few
    pixels that nobody can know, at borders and behind what moved."""
    if uncertainty is None:
        return None
    errors = uncertainty.values
    if dense.range.num_unknown or uncertainty.range.num_unknown:
        return _median(errors[known_pixels(dense.values) & known_pixels(errors)])
    return _median(errors.ravel())


def _median(known: NDArray[Any]) -> float | None:
    if known.size == 0:
        return None
    # Sorting millions of values takes longer than everything else here together.
    sample = known[:: max(1, known.size // MEDIAN_SAMPLE)]
    return float(np.median(sample.astype(np.float64)))  # it adds two, which may overflow


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None  # JSON has no NaN


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)
