"""Do labels stay on things while things move? Labels of a frame against the last frame's, warped.

The last frame's labels are carried over by flow from this frame back to the last one, nearest
pixel, never mixed. Left out is what was not seen then: where the flow leaves the last frame, and
where the flow back and the flow forth do not cancel out. Nothing here looks at true labels: a model
that answers one class everywhere is perfectly consistent, so read it beside the mIoU.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.task import IGNORE_INDEX
from training.data.correspondence import leaves_image, pixel_grid, warp_back
from training.metrics.segmentation import SegmentationScore

# Sundaram et al. 2010 (Dense point trajectories by GPU-accelerated large displacement optical
# flow, equation 5): a pixel is occluded if |back + forth|^2 > 0.01 (|back|^2 + |forth|^2) + 0.5.
DISAGREEMENT_SHARE = 0.01
DISAGREEMENT_PX2 = 0.5


@dataclass(frozen=True, kw_only=True)
class TemporalResult:
    """Higher is better."""

    consistency: float
    """mIoU of the labels against the last frame's labels, warped."""
    agreement: float
    """Share of the compared pixels whose class is the same."""
    share_compared: float
    """Compared pixels / all pixels: low where the flow hides much."""


@dataclass(kw_only=True)
class TemporalScore:
    """Gathers pairs of frames. `matrix.sums` and `num_pixels` of several processes are added."""

    num_classes: int
    matrix: SegmentationScore = field(init=False)
    num_pixels: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.matrix = SegmentationScore(num_classes=self.num_classes)

    def add(self, labels: NDArray[np.uint8], warped: NDArray[np.uint8]) -> None:
        """Count one frame.

        Args:
            labels: (h, w) of this frame; IGNORE_INDEX is not compared.
            warped: (h, w) `warp_labels` of the last frame's.
        """
        self.matrix.add(labels, np.where(labels == IGNORE_INDEX, labels, warped))
        self.num_pixels += labels.size

    def result(self) -> TemporalResult:
        """The scores so far.

        Raises:
            ValueError: no pixel was compared. A mean over nothing has no meaning.
        """
        found = self.matrix.result()
        return TemporalResult(
            consistency=found.miou,
            agreement=found.pixel_accuracy,
            share_compared=float(self.matrix.sums.sum() / self.num_pixels),
        )


def warp_labels(
    last_labels: NDArray[np.uint8],
    flow_back: NDArray[np.float32],
    flow_forth: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """The last frame's labels where their things are now; IGNORE_INDEX where they were not seen.

    Args:
        last_labels: (h, w) of the last frame.
        flow_back: (h, w, 2) in px, from this frame to the last.
        flow_forth: (h, w, 2) in px, from the last frame to this.

    Raises:
        ValueError: the sizes differ.
    """
    height, width = last_labels.shape
    if flow_back.shape != (height, width, 2) or flow_forth.shape != (height, width, 2):
        raise ValueError(
            f"labels are {last_labels.shape}, flows {flow_back.shape} and {flow_forth.shape}, "
            f"expected (h, w) and (h, w, 2) twice: frames of one clip"
        )
    target = np.rint(pixel_grid(height, width) + np.nan_to_num(flow_back)).astype(np.int64)
    x, y = target[..., 0].clip(0, width - 1), target[..., 1].clip(0, height - 1)
    warped: NDArray[np.uint8] = last_labels[y, x]
    return np.where(seen_before(flow_back, flow_forth), warped, np.uint8(IGNORE_INDEX))


def seen_before(
    flow_back: NDArray[np.float32], flow_forth: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """(h, w) false where the flow leaves the last frame or does not return to where it started."""
    known = np.asarray(np.isfinite(flow_back).all(axis=-1))
    back = np.where(known[..., None], flow_back, 0)
    # Beyond the outermost pixel centres a bilinear read would mix in zeros.
    height, width = known.shape
    edge = np.array([width - 1, height - 1], np.float32)
    inner = np.clip(pixel_grid(height, width) + back, 0, edge) - pixel_grid(height, width)
    returned = warp_back(flow_forth, inner.astype(np.float32))
    apart = np.square(back + returned).sum(axis=-1)
    lengths = np.square(back).sum(axis=-1) + np.square(returned).sum(axis=-1)
    agrees = apart <= DISAGREEMENT_SHARE * lengths + DISAGREEMENT_PX2
    return np.asarray(known & ~leaves_image(back) & agrees)
