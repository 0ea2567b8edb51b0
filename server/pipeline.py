"""From encoded images to an encoded answer: decode, wait, infer, encode.

The event loop only hands over: decoding and encoding run in their pools, the engine in its own
thread. Cancelling `fulfil` at any point takes the request out of whatever it waits for; what a
thread has begun it ends, and its pixels count until then.
"""

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from models.task import Task
from server.answers.encode import Payload, encode_result
from server.answers.negotiation import Media
from server.answers.result import Render, Result, image_info
from server.codecs.decode import DecodedImage, Orientation, decode_image
from server.errors import Unusable
from server.roster.served_model import ServedModel
from server.scheduling.admission import Hold
from server.scheduling.job import Job
from server.service import Service
from server.watching.request_record import current_record

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a client wants."""

    tasks: tuple[Task, ...]
    media: Media
    render: Render
    inline: bool
    orientation: Orientation
    deadline_s: float
    """`time.monotonic` time."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """An answer, and how long each stage took."""

    payload: Payload
    decode_s: float
    queue_s: float
    infer_s: float
    encode_s: float

    @property
    def server_timing(self) -> str:
        """As the header Server-Timing has it (W3C), in milliseconds."""
        stages = {
            "decode": self.decode_s,
            "queue": self.queue_s,
            "infer": self.infer_s,
            "encode": self.encode_s,
        }
        return ", ".join(f"{name};dur={s * 1e3:.3f}" for name, s in stages.items())


async def fulfil(
    order: Order,
    images: Mapping[str, bytes],
    *,
    service: Service,
    model: ServedModel,
    hold: Hold,
) -> Finished:
    """Answer one request; `images` holds "image" and perhaps "next_image", encoded.

    `hold` is the room for their pixels; every thread that works on them keeps it.

    Raises:
        TooManyPixels, UnsupportedImage, MalformedImage: from decoding.
        Unusable: the two images differ in size.
        DeadlinePassed, Draining, ServerError: from the worker.
    """
    limits = service.image_limits(model)

    def decode(data: bytes) -> DecodedImage:
        return decode_image(data, limits=limits, orientation=order.orientation)

    started_s = time.monotonic()
    pixels = await asyncio.gather(
        *(_wait(service.decoders.submit(decode, data), hold) for data in images.values())
    )
    decoded = dict(zip(images, pixels, strict=True))
    decode_s = time.monotonic() - started_s
    record = current_record()
    record.add("decode", decode_s)
    image, next_image = decoded["image"], decoded.get("next_image")
    has_flow = Task.FLOW in order.tasks
    if has_flow and next_image is not None and next_image.size != image.size:
        raise Unusable(
            f"image is {_size(image)}, next_image is {_size(next_image)} (HxW), expected the same "
            f"size: flow is defined between two frames of one camera"
        )
    # A second image that nobody asked flow for is not worth computing.
    second = next_image if has_flow else None
    answer = await _wait(
        model.worker.submit(
            Job(
                image=image.pixels,
                next_image=None if second is None else second.pixels,
                tasks=frozenset(order.tasks),
            ),
            deadline_s=order.deadline_s,
        ),
        hold,
    )
    record.add("queue", answer.queue_s, ended_s=time.monotonic() - answer.infer_s)
    record.add("infer", answer.infer_s)
    result = Result(
        bundle=model.bundle,
        tasks=order.tasks,
        image=image_info(image),
        next_image=None if next_image is None else image_info(next_image),
        prediction=answer.prediction,
        decode_s=decode_s,
        queue_s=answer.queue_s,
        infer_s=answer.infer_s,
    )

    def encode() -> Payload:
        return encode_result(result, order.media, render=order.render, inline=order.inline)

    started_s = time.monotonic()
    payload = await _wait(service.encoders.submit(encode), hold)
    finished = Finished(
        payload=payload,
        decode_s=decode_s,
        queue_s=answer.queue_s,
        infer_s=answer.infer_s,
        encode_s=time.monotonic() - started_s,
    )
    record.add("encode", finished.encode_s)
    return finished


async def _wait(work: "Future[T]", hold: Hold) -> T:
    """The result of a thread's work, which keeps the room until it is done."""
    loop = asyncio.get_running_loop()

    def let_go(_: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody counts any more
            loop.call_soon_threadsafe(hold.let_go)

    hold.keep()
    work.add_done_callback(let_go)
    return await asyncio.wrap_future(work)


def _size(image: DecodedImage) -> str:
    return f"{image.size[0]}x{image.size[1]}"
