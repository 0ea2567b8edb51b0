"""Everything that is known about one answered request, before it takes the form of bytes."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.image.flow_wheel import colour_flow
from models.image.palette import colour_labels
from models.image.turbo import colour_depth
from models.runtime.predictor import Prediction
from models.task import Task
from server.answers.schemas import ImageInfo, StreamFrame
from server.codecs.decode import DecodedImage
from server.codecs.map_codes import CodedMap, code_depth, code_flow, code_labels


class Render(StrEnum):
    """What a picture of a map shows."""

    DATA = "data"
    """Numbers to compute with."""
    COLOR = "color"
    """Colours to look at."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """Maps and where they come from."""

    bundle: Bundle
    tasks: tuple[Task, ...]
    """That were asked for and are there."""
    image: ImageInfo
    next_image: ImageInfo | None
    prediction: Prediction
    decode_s: float
    queue_s: float
    infer_s: float
    stream: StreamFrame | None = None

    @property
    def meta(self) -> dict[str, object]:
        """What every payload says about itself."""
        stream = {} if self.stream is None else {"stream": self.stream.model_dump(mode="json")}
        return {
            **stream,
            "model": {"name": self.bundle.name, "version": self.bundle.version},
            "image": self.image.model_dump(mode="json"),
            "next_image": None
            if self.next_image is None
            else self.next_image.model_dump(mode="json"),
        }

    def coded(self, task: Task) -> CodedMap:
        """One map as integers."""
        if task is Task.SEGMENTATION:
            return code_labels(self.labels, self.bundle)
        if task is Task.DEPTH:
            assert self.bundle.depth is not None  # read_bundle checked it
            return code_depth(self.depth, self.bundle.depth)
        return code_flow(self.flow)

    def picture(self, task: Task) -> NDArray[np.uint8]:
        """One map in colours, (h, w, 3) RGB."""
        if task is Task.SEGMENTATION:
            return colour_labels(self.labels, self.bundle.palette)
        if task is Task.DEPTH:
            assert self.bundle.depth is not None
            return colour_depth(self.depth, near_is_large=self.bundle.depth.near_is_large)
        return colour_flow(self.flow)

    @property
    def labels(self) -> NDArray[np.uint8]:
        assert self.prediction.labels is not None  # `tasks` has segmentation
        return self.prediction.labels

    @property
    def depth(self) -> NDArray[np.float32]:
        assert self.prediction.depth is not None
        return self.prediction.depth

    @property
    def flow(self) -> NDArray[np.float32]:
        assert self.prediction.flow is not None
        return self.prediction.flow


def image_info(image: DecodedImage) -> ImageInfo:
    """A decoded image without its pixels."""
    return ImageInfo(
        format=image.format,
        stored_size=image.stored_size,
        size=image.size,
        exif_orientation=image.exif_orientation,
    )
