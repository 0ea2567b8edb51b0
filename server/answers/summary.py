"""Maps in words and numbers. Axes: h w pixels."""

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle, DepthOutput
from models.task import IGNORE_INDEX, Task
from server.answers.result import Result
from server.answers.schemas import (
    ClassArea,
    DepthSummary,
    FlowSummary,
    ModelInfo,
    SegmentationSummary,
    Summary,
    Timings,
)

MOVING_PX = 1.0  # below, flow is within the error of good methods


def summarise(result: Result, *, png: dict[str, str] | None) -> Summary:
    """The JSON answer; `png` holds each map in base64 if that was asked for."""
    tasks, bundle = result.tasks, result.bundle
    depth = flow = segmentation = None
    if Task.SEGMENTATION in tasks:
        confidence = result.prediction.label_confidence
        segmentation = summarise_labels(result.labels, confidence, bundle)
    if Task.DEPTH in tasks:
        assert bundle.depth is not None
        depth = summarise_depth(result.depth, bundle.depth)
    if Task.FLOW in tasks:
        flow = summarise_flow(result.flow)
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
        png=png,
    )


def summarise_labels(
    labels: NDArray[np.uint8], confidence: NDArray[np.float16] | None, bundle: Bundle
) -> SegmentationSummary:
    """Classes that were found, by falling area. Pixels without a class are in no area."""
    counts = np.bincount(labels.ravel(), minlength=IGNORE_INDEX + 1)
    sums = None
    if confidence is not None:
        sums = np.bincount(labels.ravel(), weights=confidence.ravel(), minlength=IGNORE_INDEX + 1)
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
        ]
    )


def summarise_depth(depth: NDArray[np.float32], output: DepthOutput) -> DepthSummary:
    """The range of the values that are there."""
    known = depth[np.isfinite(depth)]
    least, median, greatest = (
        (float(known.min()), float(np.median(known)), float(known.max()))
        if known.size
        else (None, None, None)
    )
    return DepthSummary(
        convention=output.convention,
        unit=output.unit,
        near_is_large=output.near_is_large,
        least=least,
        median=median,
        greatest=greatest,
        known=known.size / depth.size,
    )


def summarise_flow(flow: NDArray[np.float32]) -> FlowSummary:
    """How much moves, and where to."""
    u, v = flow[..., 0], flow[..., 1]
    known = np.isfinite(u) & np.isfinite(v)
    if not known.all():
        u, v = u[known], v[known]
    if u.size == 0:
        return FlowSummary(
            unit="px", mean=None, mean_length=None, greatest_length=None, moving=0.0, known=0.0
        )
    length = np.hypot(u, v)
    return FlowSummary(
        unit="px",
        # Sums over millions of float32 need more digits than float32 has.
        mean=(float(u.mean(dtype=np.float64)), float(v.mean(dtype=np.float64))),
        mean_length=float(length.mean(dtype=np.float64)),
        greatest_length=float(length.max()),
        moving=float(np.count_nonzero(length > MOVING_PX) / known.size),
        known=u.size / known.size,
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None  # JSON has no NaN


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)
