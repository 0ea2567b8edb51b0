"""What a runtime is asked for one client: an image, a pair, or a frame of a stream."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.runtime.inputs import InputError
from models.runtime.protocol import Features
from models.task import Task


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """One image, one pair, or one frame of a stream. Images are uint8 (h, w, 3) RGB.

    Flow, if it is among the tasks, goes from `image` to `next_image`, or from the frame that
    `previous` was kept of to `image`. Segmentation and depth are those of `image`.
    """

    image: NDArray[np.uint8]
    next_image: NDArray[np.uint8] | None = None
    """Of the same size."""
    previous: Features | None = None
    """Features of the last frame of a stream, as an answer held them; of the same size."""
    tasks: frozenset[Task]
    """Which maps to answer with. Others are None in the prediction."""
    keep_features: bool = False
    """Answer with the features of the newest frame too: of next_image where there is one."""

    def __post_init__(self) -> None:
        if self.next_image is not None and self.previous is not None:
            raise InputError(
                "next_image and previous both came, expected one of them: flow has two frames"
            )
        if self.next_image is not None and self.next_image.shape != self.image.shape:
            raise InputError(
                f"image is {self.image.shape}, next_image is {self.next_image.shape}; expected the "
                f"same (h, w, 3): flow is defined between frames of one camera"
            )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of each of its images."""
        return self.image.shape[0], self.image.shape[1]

    @property
    def has_flow(self) -> bool:
        """Whether flow will be computed."""
        two_frames = self.next_image is not None or self.previous is not None
        return two_frames and Task.FLOW in self.tasks

    @property
    def frames(self) -> tuple[NDArray[np.uint8], ...]:
        """The images that have to be encoded."""
        if self.next_image is not None and (self.has_flow or self.keep_features):
            return (self.image, self.next_image)
        return (self.image,)
