"""How long the engine will take: seconds = a * pixels + b * images + c, per graph, learned.

Pixels are those of the padded array, all images together. What a batch gains is c; what it loses
is a times its padding. Both are measured, so whether batches pay is a result and not a setting: on
a CPU, c is small against the rest and requests run one at a time.

The fit is least squares with forgetting, recursive in its sums: each call counts 4 % more than the
one before it. Residuals are taken relative to the expectation, so that a thumbnail teaches as much
as a full-HD frame, and a surprise pulls with bounded force (Huber 1964), because other processes
steal the CPU at times. No coefficient is negative. Where the calls of late say nothing about a
coefficient (all of one size, say), a weak memory of the warm-up does.

Noise looks like a saving half of the time. So what a batch saves counts only as far as it is sure:
two standard errors of c less than c.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import fsum

import numpy as np
from numpy.typing import NDArray

from models.image.sizes import padded_size

FORGET = 0.96  # per call: what was measured 17 calls ago counts half
ANCHOR = 0.01  # weight of the memory of the warm-up, in calls: of these
ANCHORS = np.array([[0.01, 1.0, 1.0], [1.0, 1.0, 1.0], [0.04, 4.0, 1.0]])  # Mpx, images, 1
CERTAIN = 5  # calls before surprises are held back
TOLERATED = 0.1  # smallest relative residual that counts as a surprise
STEP = 1.1  # by which the running median of residuals follows each call
GAIN = 0.1
"""Share of its own cost that an image must save in a batch. Less is within the noise."""


@dataclass(frozen=True, kw_only=True)
class GraphCost:
    """Seconds of one call of one graph."""

    s_per_mpx: float
    s_per_image: float
    s_per_call: float

    def seconds(self, *, num_pixels: int, num_images: int) -> float:
        """Of a call with so many images in an array of so many pixels, padding included."""
        return self.s_per_mpx * num_pixels / 1e6 + self.s_per_image * num_images + self.s_per_call


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a job asks of the engine, without its pixels."""

    size: tuple[int, int]
    """(height, width) of each of its images."""
    num_frames: int = 1
    """To encode: two of a pair."""
    has_flow: bool = False


# A call costs a tenth of what an image of 512x512 does: the largest two that gain by sharing one.
PRIOR = GraphCost(s_per_mpx=0.4, s_per_image=0.0, s_per_call=0.0117)


class CostFit:
    """The cost of one graph, learned from its calls."""

    def __init__(self, prior: GraphCost = PRIOR) -> None:
        self.cost = prior
        self.num_calls = 0
        self.error = 0.1
        """Running median of abs(measured - expected) / expected."""
        self.doubt_s = prior.s_per_call
        """By so much the cost of a call may be smaller. All of it, until it was measured."""
        self._num_trusted = 0.0
        self._energy = 0.0
        self._moments = np.zeros((3, 3))
        self._target = np.zeros(3)
        self._set_anchor()

    def observe(self, *, num_pixels: int, num_images: int, measured_s: float) -> None:
        """A call has ended. Not for the first call of a shape, where an engine compiles."""
        x = np.array([num_pixels / 1e6, float(num_images), 1.0])
        expected_s = max(self.cost.seconds(num_pixels=num_pixels, num_images=num_images), 1e-6)
        residual = abs(measured_s - expected_s) / expected_s
        self.error *= STEP if residual > self.error else 1 / STEP
        self.error = min(max(self.error, 1e-3), 1e3)
        tolerated = max(TOLERATED, 3 * self.error)
        if self.num_calls < CERTAIN:  # the prior may be far off, in either direction
            trust, unit_s = 1.0, float(max(expected_s, measured_s))
        else:
            trust, unit_s = min(1.0, tolerated / max(residual, 1e-9)), float(expected_s)
        weight = trust / unit_s**2
        self._num_trusted = FORGET * self._num_trusted + trust
        self._energy = FORGET * self._energy + weight * measured_s**2
        self._moments = FORGET * self._moments + weight * np.outer(x, x)
        self._target = FORGET * self._target + weight * x * measured_s
        self.num_calls += 1
        self._solve()

    def settle(self) -> None:
        """The warm-up is over: remember this cost where later calls say nothing."""
        self._set_anchor()

    def _set_anchor(self) -> None:
        self._anchor = np.array([self.cost.s_per_mpx, self.cost.s_per_image, self.cost.s_per_call])

    def _solve(self) -> None:
        now = np.array([self.cost.s_per_mpx, self.cost.s_per_image, self.cost.s_per_call])
        # Relative to the larger of what they were and are: a guess that was far too low would
        # else weigh more than what was measured.
        seconds = np.maximum(np.maximum(ANCHORS @ self._anchor, ANCHORS @ now), 1e-6)
        scaled = ANCHORS / seconds[:, None]
        moments = self._moments + ANCHOR * scaled.T @ scaled
        target = self._target + ANCHOR * scaled.T @ (scaled @ self._anchor)
        theta = non_negative_solution(moments, target)
        self.doubt_s = min(2 * self._standard_error(theta, moments), float(theta[2]))
        self.cost = GraphCost(
            s_per_mpx=float(theta[0]), s_per_image=float(theta[1]), s_per_call=float(theta[2])
        )

    def _standard_error(self, theta: NDArray[np.float64], moments: NDArray[np.float64]) -> float:
        """Of the cost of a call, by the residuals that are left. Three terms fit three calls."""
        free = self._num_trusted - 3
        if free < 1:
            return float("inf")
        left = float(self._energy - 2 * theta @ self._target + theta @ self._moments @ theta)
        return float(np.sqrt(max(left, 0.0) / free * np.linalg.inv(moments)[2, 2]))


def non_negative_solution(
    moments: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Minimises x' moments x - 2 target' x over x >= 0, by trying every set of positive ones.

    >>> non_negative_solution(np.eye(2), np.array([3.0, -1.0]))
    array([3., 0.])
    """
    best, best_loss = np.zeros(len(target)), 0.0
    for count in range(1, len(target) + 1):
        for chosen in combinations(range(len(target)), count):
            part = np.ix_(chosen, chosen)
            try:
                found = np.linalg.solve(moments[part], target[list(chosen)])
            except np.linalg.LinAlgError:
                continue
            loss = float(found @ moments[part] @ found - 2 * target[list(chosen)] @ found)
            if (found >= 0).all() and loss < best_loss:
                best, best_loss = np.zeros(len(target)), loss
                best[list(chosen)] = found
    return best


class CostModel:
    """The costs of a bundle's graphs in one engine and precision."""

    def __init__(self, *, stride: int = 1) -> None:
        self.stride = stride
        self.graphs = {"frame": CostFit(), "flow": CostFit()}

    @property
    def is_known(self) -> bool:
        """Whether anything was measured; else the numbers are a guess."""
        return self.graphs["frame"].num_calls > 0

    def frozen(self) -> "CostModel":
        """A copy that stays as it is."""
        copy = CostModel(stride=self.stride)
        copy.graphs = {name: CostFit(fit.cost) for name, fit in self.graphs.items()}
        for name, fit in copy.graphs.items():
            fit.doubt_s = self.graphs[name].doubt_s
        return copy

    def settle(self) -> None:
        """The warm-up is over."""
        for fit in self.graphs.values():
            fit.settle()

    def batch_s(self, shapes: Sequence[Shape]) -> float:
        """Expected seconds of these jobs in one batch; of one job, the better way to run it."""
        if len(shapes) == 1:
            return self.alone_s(shapes[0])
        return self._together_s(shapes)

    def alone_s(self, shape: Shape) -> float:
        """Expected seconds of one job by itself."""
        if self.frames_together(shape):
            return self._together_s([shape])
        return self._apart_s(shape)

    def work(self, shape: Shape) -> NDArray[np.int64]:
        """What one job by itself asks of the engine, to be summed up over many: pixels, images and
        calls, of the frame graph and of the flow graph."""
        height, width = padded_size([shape.size], multiple=self.stride)
        pixels, frames, flows = height * width, shape.num_frames, int(shape.has_flow)
        calls = 1 if self.frames_together(shape) else frames
        return np.array([[frames * pixels, frames, calls], [flows * pixels, flows, flows]])

    def seconds(self, work: NDArray[np.int64]) -> float:
        """Expected, of so much work."""
        costs = (self.graphs["frame"].cost, self.graphs["flow"].cost)
        terms = [[cost.s_per_mpx / 1e6, cost.s_per_image, cost.s_per_call] for cost in costs]
        return float((np.array(terms) * work).sum())

    def frames_together(self, shape: Shape) -> bool:
        """Whether the frames of a job that runs alone are worth one batch."""
        if shape.num_frames == 1:
            return True
        apart_s = self._apart_s(shape)
        saved_s = apart_s - self._together_s([shape]) - self.doubt_s(has_flow=False)
        return saved_s >= GAIN * apart_s / shape.num_frames

    def most_saved_s(self, shapes: Sequence[Shape]) -> float:
        """More than that these jobs cannot save in one batch: the calls that they would be."""
        frame, flow = self.graphs["frame"].cost, self.graphs["flow"].cost
        frames = sum(shape.num_frames for shape in shapes)
        flows = sum(shape.has_flow for shape in shapes)
        return frame.s_per_call * (frames - 1) + flow.s_per_call * max(flows - 1, 0)

    def doubt_s(self, *, has_flow: bool) -> float:
        """By so much a call less may save less: of the frame graph, and of the flow graph too."""
        graphs = self.graphs.values() if has_flow else (self.graphs["frame"],)
        return fsum(fit.doubt_s for fit in graphs)

    def _together_s(self, shapes: Sequence[Shape]) -> float:
        return self._call_s("frame", ((s.size, s.num_frames) for s in shapes)) + self._call_s(
            "flow", ((s.size, int(s.has_flow)) for s in shapes)
        )

    def _apart_s(self, shape: Shape) -> float:
        frame_s = self._call_s("frame", [(shape.size, 1)])
        return shape.num_frames * frame_s + self._call_s("flow", [(shape.size, shape.has_flow)])

    def _call_s(self, graph: str, parts: Iterable[tuple[tuple[int, int], int]]) -> float:
        asked = [(size, count) for size, count in parts if count]
        if not asked:
            return 0.0
        height, width = padded_size([size for size, _ in asked], multiple=self.stride)
        num_images = sum(count for _, count in asked)
        return self.graphs[graph].cost.seconds(
            num_pixels=height * width * num_images, num_images=num_images
        )
