"""A model that is asked about consecutive frames encodes each of them once."""

from collections import OrderedDict
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from models.image.sizes import crop, pad_images
from models.runtime.inputs import InputError
from models.runtime.predictor import Prediction
from models.runtime.protocol import FrameMaps, Runtime

NUM_FRAMES = 2
"""Kept: flow there and back needs both frames of a pair."""


class Remembering:
    """What `models.runtime.predictor.predict` answers, for scores of pairs and clips."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._frames: OrderedDict[bytes, FrameMaps] = OrderedDict()

    def __call__(
        self, image: NDArray[np.uint8], next_image: NDArray[np.uint8] | None
    ) -> Prediction:
        """Maps of an image (h, w, 3); with another frame, flow towards it as well.

        Raises:
            InputError: the two frames differ in size, or an array is not uint8 RGB.
        """
        if next_image is not None and next_image.shape != image.shape:
            raise InputError(
                f"image is {image.shape}, next_image is {next_image.shape}; expected the same "
                f"(h, w, 3): flow is defined between frames of one camera"
            )
        size = (image.shape[0], image.shape[1])
        maps = self._encode(image)
        flow = flow_uncertainty = None
        if next_image is not None:
            following = self._encode(next_image)
            answer = self._runtime.flow(
                maps.features, following.features, np.array([size], dtype=np.int64)
            )
            flow = crop(answer.flow[0], size)
            flow_uncertainty = crop(answer.flow_uncertainty[0], size)
        confidence, uncertainty = maps.label_confidence, maps.depth_uncertainty
        return Prediction(
            labels=None if maps.labels is None else crop(maps.labels[0], size),
            label_confidence=None if confidence is None else crop(confidence[0], size),
            depth=None if maps.depth is None else crop(maps.depth[0], size),
            depth_uncertainty=None if uncertainty is None else crop(uncertainty[0], size),
            flow=flow,
            flow_uncertainty=flow_uncertainty,
        )

    def _encode(self, image: NDArray[np.uint8]) -> FrameMaps:
        key = blake2b(repr(image.shape).encode() + image.tobytes()).digest()
        if key not in self._frames:
            self._frames[key] = self._runtime.frame(*pad_images([image]))
        self._frames.move_to_end(key)
        while len(self._frames) > NUM_FRAMES:
            self._frames.popitem(last=False)
        return self._frames[key]
