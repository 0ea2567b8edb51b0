"""What every engine offers: two graphs, plain arrays in, plain arrays out.

A runtime holds one bundle. `frame` takes a batch of images of any sizes, padded into one array;
`flow` takes the features of two frames. Every result is valid inside an image's own size only:
the caller crops (`models.runtime.predictor` does).

Axes: b images, h w pixels of the padded array, H W the same rounded up to the bundle's stride.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Features:
    """What the frame graph keeps for flow. Opaque: only the runtime that made it can read it.

    `levels` maps a level's name, which begins with its stride ("4", "16_census"), to an array or
    tensor (b, rows, cols, channels), on whatever device and of whatever type the runtime likes.
    """

    levels: Mapping[str, Any]

    def of(self, index: int) -> "Features":
        """The features of one image of the batch, as a batch of one. A view."""
        return Features(levels={name: x[index : index + 1] for name, x in self.levels.items()})


@dataclass(frozen=True, kw_only=True)
class FrameMaps:
    """Answers of the frame graph. A map is None where the bundle does not have its task."""

    labels: NDArray[np.uint8] | None
    """(b, h, w) class indices."""
    label_confidence: NDArray[np.float16] | None
    """(b, h, w) probability of the winning class."""
    depth: NDArray[np.float32] | None
    """(b, h, w) in the convention and unit that the bundle names."""
    depth_uncertainty: NDArray[np.float16] | None
    """(b, h, w) higher is worse."""
    features: Features
    """Empty where the bundle has no flow."""


@dataclass(frozen=True, kw_only=True)
class FlowMaps:
    """Answers of the flow graph."""

    flow: NDArray[np.float32]
    """(b, H, W, 2) in px, u right and v down, from the first frame to the second."""
    flow_uncertainty: NDArray[np.float16]
    """(b, H, W) higher is worse."""


@runtime_checkable  # the shape checks of the tests look at it with isinstance
class Runtime(Protocol):
    """An engine with a bundle loaded. Safe to call from several threads.

    The arrays that come back belong to the caller: no later call changes them.
    """

    @property
    def name(self) -> str:
        """ "openvino", "onnxruntime", ..."""

    @property
    def version(self) -> str:
        """The engine's own version."""

    @property
    def precisions(self) -> Mapping[str, str]:
        """In which precision each graph computes: {"frame": "bf16", "flow": "f32"}."""

    def frame(self, image: NDArray[np.uint8], size: NDArray[np.int64]) -> FrameMaps:
        """Segmentation, depth and features of a batch.

        Args:
            image: (b, h, w, 3) RGB; anything outside of each image's size.
            size: (b, 2) real (height, width) of each image.

        Raises:
            InputError: wrong dtype or shape, or a size that does not lie in the array.
        """

    def flow(self, first: Features, second: Features, size: NDArray[np.int64]) -> FlowMaps:
        """Flow from the first frame to the second, both of the same `size` (b, 2).

        Raises:
            InputError: the two do not fit each other, or the bundle has no flow.
        """


@runtime_checkable
class Divisible(Runtime, Protocol):
    """An engine that runs one call after the other, and can be had once more."""

    def share(self, threads: int) -> Runtime:
        """The same graphs, loaded once more with so many threads: its calls run beside ours.

        Either reads the features that the other made: frames of a stream run in both.

        Raises:
            RuntimeError: or whatever else the engine raises.
        """
