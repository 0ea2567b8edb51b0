"""From the bytes of a request to the answer: read, let in, decode, infer, write. The same pools,
worker and limits as /v1: each image is one job in the one queue, and shares batches with whatever
waits there."""

import time

import numpy as np
from numpy.typing import NDArray

from models.runtime.predictor import Prediction
from server.access.callers import Caller
from server.answers.encode import Payload
from server.codecs.decode import ImageLimits, decode_image
from server.errors import ClientError, InvalidTensor, Unusable
from server.inference import let_in, run_jobs
from server.kserve.answer import Tensor, write_answer
from server.kserve.order import InferOrder, of_image
from server.kserve.tensors import Source
from server.roster.served_model import ServedModel
from server.scheduling.admission import Hold
from server.scheduling.awaiting import wait_for, wait_for_all
from server.scheduling.job import Job
from server.service import Service
from server.watching.request_record import current_record

Pixels = NDArray[np.uint8]


async def infer(
    order: InferOrder,
    *,
    service: Service,
    model: ServedModel,
    caller: Caller,
    deadline_s: float,
    encoding: str | None,
) -> Payload:
    """Answer one request; `encoding` is what the answer may be compressed with.

    Raises:
        QueueFull, RateLimited: before anything is decoded.
        MalformedImage, UnsupportedImage, TooManyPixels: from decoding.
        InvalidTensor: images of different sizes.
        Unusable: an image and its next one differ in size.
        DeadlinePassed, Draining, ServerError: from the worker.
    """
    record = current_record()
    with let_in(
        order.shapes,
        num_pixels=order.num_pixels,
        service=service,
        model=model,
        caller=caller,
        deadline_s=deadline_s,
        priority=order.priority,
    ) as hold:
        started_s = time.monotonic()
        images, next_images = await _decode(order, service=service, model=model, hold=hold)
        record.add("decode", time.monotonic() - started_s)
        _check_sizes(images, next_images)
        seconds: list[Pixels | None] = [*next_images] if order.has_flow else [None for _ in images]
        answers = await run_jobs(
            [
                Job(image=image, next_image=next_image, tasks=order.tasks)
                for image, next_image in zip(images, seconds, strict=True)
            ],
            model=model,
            deadline_s=deadline_s,
            priority=order.priority,
            hold=hold,
        )
        started_s = time.monotonic()
        predictions = [answer.prediction for answer in answers]
        work = service.encoders.submit(_encode, order, predictions, service, model, encoding)
        payload = await wait_for(work, hold)
        record.add("encode", time.monotonic() - started_s)
    return payload


async def _decode(
    order: InferOrder, *, service: Service, model: ServedModel, hold: Hold
) -> tuple[list[Pixels], list[Pixels]]:
    limits = service.image_limits(model)
    groups = (("image", order.images), ("next_image", order.next_images))
    pixels = await wait_for_all(
        (
            service.decoders.submit(_decode_one, source, limits, order, where=f"{name}[{index}]")
            for name, group in groups
            for index, source in enumerate(group)
        ),
        hold,
    )
    return pixels[: len(order.images)], pixels[len(order.images) :]


def _decode_one(source: Source, limits: ImageLimits, order: InferOrder, *, where: str) -> Pixels:
    if not isinstance(source, bytes):
        return source
    try:
        return decode_image(source, limits=limits, orientation=order.orientation).pixels
    except ClientError as error:
        raise of_image(error, where) from error


def _encode(
    order: InferOrder,
    predictions: list[Prediction],
    service: Service,
    model: ServedModel,
    encoding: str | None,
) -> Payload:
    tensors = [Tensor.of(wanted, predictions) for wanted in order.outputs]
    for tensor in tensors:
        for reason in tensor.oddities:
            service.telemetry.odd_maps.labels(tensor.wanted.output.task.value, reason).inc()
    return write_answer(tensors, id_=order.id, bundle=model.bundle, encoding=encoding)


def _check_sizes(images: list[Pixels], next_images: list[Pixels]) -> None:
    sizes = list(dict.fromkeys(map(_size, images)))
    if len(sizes) > 1:
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


def _size(image: Pixels) -> str:
    return f"{image.shape[0]}x{image.shape[1]}"
