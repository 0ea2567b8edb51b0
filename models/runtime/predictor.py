"""One image or one pair through a runtime: what the server, the command line and checks call."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.image.sizes import crop, pad_images
from models.runtime.inputs import InputError
from models.runtime.protocol import Features, FrameMaps, Runtime

TOGETHER_UP_TO_PX = 512 * 512
"""Below, two frames in one batch are a third faster than one after the other; above, no faster."""


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
    if next_image is not None and next_image.shape != image.shape:
        raise InputError(
            f"image is {image.shape}, next_image is {next_image.shape}; expected the same "
            f"(h, w, 3): flow is defined between frames of one camera"
        )
    real = (image.shape[0], image.shape[1])
    together = next_image is not None and real[0] * real[1] <= TOGETHER_UP_TO_PX
    frames = [image, next_image] if next_image is not None and together else [image]
    batch, size = pad_images(frames)
    maps = runtime.frame(batch, size)
    flow = flow_uncertainty = None
    if next_image is not None:
        if together:
            second = maps.features.of(1)
        else:
            second = runtime.frame(*pad_images([next_image])).features
        answer = runtime.flow(maps.features.of(0), second, size[:1])
        flow = crop(answer.flow[0], real)
        flow_uncertainty = crop(answer.flow_uncertainty[0], real)
    return _prediction(maps, real, flow=flow, flow_uncertainty=flow_uncertainty)


def predict_next(
    runtime: Runtime, image: NDArray[np.uint8], previous: Features | None
) -> tuple[Prediction, Features]:
    """Maps of a frame of a video, and its features for the frame after it.

    The frame is encoded once. With the features of the frame before it, which must have had the
    same size, flow from that one to this.

    Raises:
        InputError: an array is not uint8 RGB, or the features are of another size.
    """
    real = (image.shape[0], image.shape[1])
    batch, size = pad_images([image])
    maps = runtime.frame(batch, size)
    flow = flow_uncertainty = None
    if previous is not None:
        answer = runtime.flow(previous, maps.features, size)
        flow = crop(answer.flow[0], real)
        flow_uncertainty = crop(answer.flow_uncertainty[0], real)
    prediction = _prediction(maps, real, flow=flow, flow_uncertainty=flow_uncertainty)
    return prediction, maps.features


def _prediction(
    maps: FrameMaps,
    real: tuple[int, int],
    *,
    flow: NDArray[np.float32] | None,
    flow_uncertainty: NDArray[np.float16] | None,
) -> Prediction:
    return Prediction(
        labels=None if maps.labels is None else crop(maps.labels[0], real),
        label_confidence=(
            None if maps.label_confidence is None else crop(maps.label_confidence[0], real)
        ),
        depth=None if maps.depth is None else crop(maps.depth[0], real),
        depth_uncertainty=(
            None if maps.depth_uncertainty is None else crop(maps.depth_uncertainty[0], real)
        ),
        flow=flow,
        flow_uncertainty=flow_uncertainty,
    )
