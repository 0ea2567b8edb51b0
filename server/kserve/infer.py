"""From an order to an answer: decode, wait, infer, write. The same pools, worker and deadlines as
/v1: each image is one job in the one queue, and shares batches with whatever waits there."""

import asyncio
import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from server.codecs.decode import ImageLimits, decode_image
from server.errors import ClientError, InvalidTensor, Unusable
from server.kserve.answer import InferAnswer, write_answer
from server.kserve.order import InferOrder, of_image
from server.kserve.tensors import Source
from server.loading.loaded_model import LoadedModel
from server.pipeline import wait_for
from server.scheduling.admission import Hold
from server.scheduling.worker import Answer
from server.service import Service

T = TypeVar("T")
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class InferFinished:
    """An answer, and how long each stage took."""

    answer: InferAnswer
    decode_s: float
    queue_s: float
    """Until the first of the images was run."""
    infer_s: float
    """From there until the last of them was done."""
    encode_s: float

    @property
    def server_timing(self) -> str:
        """As the header Server-Timing has it (W3C), in milliseconds."""
        stages = (("decode", self.decode_s), ("queue", self.queue_s), ("infer", self.infer_s))
        all_stages = (*stages, ("encode", self.encode_s))
        return ", ".join(f"{name};dur={seconds * 1e3:.3f}" for name, seconds in all_stages)


async def infer(
    order: InferOrder,
    *,
    service: Service,
    model: LoadedModel,
    hold: Hold,
    deadline_s: float,
    encoding: str | None,
) -> InferFinished:
    """Answer one request. `hold` is the room for its pixels.

    Raises:
        MalformedImage, UnsupportedImage, TooManyPixels: from decoding.
        InvalidTensor: images of different sizes.
        Unusable: an image and its next one differ in size.
        DeadlinePassed, Draining, QueueFull, ServerError: from the worker.
    """
    limits = service.image_limits(model)
    started_s = time.monotonic()
    groups = (("image", order.images), ("next_image", order.next_images))
    pixels = await _all(
        (
            service.decoders.submit(_decode, source, limits, order, where=f"{name}[{index}]")
            for name, group in groups
            for index, source in enumerate(group)
        ),
        hold,
    )
    images, next_images = pixels[: len(order.images)], pixels[len(order.images) :]
    _check_sizes(images, next_images)
    decode_s = time.monotonic() - started_s
    targets: list[Pixels | None] = [*next_images] or [None for _ in images]
    answers = await _all(
        (
            _submit(service, model, order, image, next_image, deadline_s=deadline_s)
            for image, next_image in zip(images, targets, strict=True)
        ),
        hold,
    )
    queue_s = min(answer.queue_s for answer in answers)
    infer_s = max(answer.queue_s + answer.infer_s for answer in answers) - queue_s
    predictions = [answer.prediction for answer in answers]
    started_s = time.monotonic()
    written = await wait_for(
        service.encoders.submit(
            write_answer, order, predictions, bundle=model.bundle, encoding=encoding
        ),
        hold,
    )
    finished = InferFinished(
        answer=written,
        decode_s=decode_s,
        queue_s=queue_s,
        infer_s=infer_s,
        encode_s=time.monotonic() - started_s,
    )
    service.telemetry.finished(
        decode_s=decode_s, queue_s=queue_s, infer_s=infer_s, encode_s=finished.encode_s
    )
    service.telemetry.statistics.of(model.bundle).succeeded(
        decode_s=decode_s,
        queue_s=queue_s,
        infer_s=infer_s,
        encode_s=finished.encode_s,
        runs=[(1, answer.infer_s) for answer in answers],
    )
    return finished


def _submit(
    service: Service,
    model: LoadedModel,
    order: InferOrder,
    image: Pixels,
    next_image: Pixels | None,
    *,
    deadline_s: float,
) -> "Future[Answer]":
    """One image, or one pair, as one job."""
    del model, order
    return service.worker.submit(image, next_image, deadline_s=deadline_s)


def _decode(source: Source, limits: ImageLimits, order: InferOrder, *, where: str) -> Pixels:
    if not isinstance(source, bytes):
        return source
    try:
        return decode_image(source, limits=limits, orientation=order.orientation).pixels
    except ClientError as error:
        raise of_image(error, where) from error


def _check_sizes(images: list[Pixels], next_images: list[Pixels]) -> None:
    sizes = [_size(image) for image in images]
    if len(set(sizes)) > 1:
        raise InvalidTensor(
            f"the images are {', '.join(sizes)} (HxW) and outputs are one array of [B, H, W], "
            f"expected one size: send images of different sizes as requests of their own, they "
            f"share batches here all the same"
        )
    for index, (image, next_image) in enumerate(zip(images, next_images, strict=False)):
        if image.shape != next_image.shape:
            raise Unusable(
                f"image[{index}] is {_size(image)}, next_image[{index}] is {_size(next_image)} "
                f"(HxW), expected the same size: flow is defined between two frames of one camera"
            )


async def _all(work: Iterable["Future[T]"], hold: Hold) -> list[T]:
    """Every result. If one fails, what has not begun of the others never will."""
    begun: list[Future[T]] = []
    try:
        begun.extend(work)
        return await asyncio.gather(*(wait_for(part, hold) for part in begun))
    except BaseException:
        for part in begun:
            part.cancel()
        raise


def _size(image: Pixels) -> str:
    return f"{image.shape[0]}x{image.shape[1]}"
