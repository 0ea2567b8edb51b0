"""From encoded images to an encoded answer: check, decode, wait, infer, encode.

The event loop only hands over: decoding and encoding run in their pools, the engine in its own
thread. Cancelling `fulfil` at any point takes the request out of whatever it waits for; what a
thread has begun it ends, and its pixels count until then.
"""

import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, replace

from models.task import Task
from server.access.callers import Caller
from server.answers.encode import Payload, encode_result
from server.answers.form import Form, Render, check_form
from server.answers.negotiation import Media
from server.answers.result import Result, image_info
from server.answers.schemas import StreamFrame
from server.codecs.decode import DecodedImage, Orientation, decode_image
from server.errors import Unusable
from server.inference import let_in, run_jobs
from server.roster.served_model import ServedModel
from server.scheduling.admission import Hold
from server.scheduling.awaiting import wait_for, wait_for_all
from server.scheduling.cost import Shape
from server.scheduling.job import Answer, Job, Priority
from server.service import Service
from server.streams.stream import LastFrame, Start, Stream
from server.streams.turns import Turn
from server.watching.request_record import current_record


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a client wants."""

    tasks: tuple[Task, ...] | None
    """None is all that the input allows."""
    form: Form
    orientation: Orientation
    priority: Priority
    deadline_s: float
    """`time.monotonic` time."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a frame stands."""

    stream: Stream
    turn: Turn


@dataclass(frozen=True, kw_only=True)
class Finished:
    """An answer."""

    payload: Payload | None
    """None where nothing is left to say: a stream's first frame, asked for flow alone, in a form
    that must hold a map."""
    stream: StreamFrame | None


def check_order(order: Order, model: ServedModel, *, may_have_flow: bool) -> tuple[Task, ...]:
    """The tasks to answer, once it is known whether there is something to compute flow from.

    Raises:
        Unusable: the model or the form of the answer cannot give what was asked for.
    """
    wanted = order.tasks
    if wanted is None:
        tasks = tuple(task for task in model.tasks if task is not Task.FLOW or may_have_flow)
    else:
        missing = [task.value for task in wanted if task not in model.tasks]
        if missing:
            raise Unusable(
                f"tasks has {','.join(missing)}, but {model.bundle.name} has "
                f"{','.join(model.tasks)}: ask for these"
            )
        if Task.FLOW in wanted and not may_have_flow:
            raise Unusable(
                "flow is the motion between two images, one came: send a form with image and "
                "next_image, or the frames of a stream"
            )
        tasks = wanted
    check_form(order.form, tasks, model.bundle)
    return tasks


def check_streams(model: ServedModel) -> None:
    """Whether a stream would be of use. The default model may change under one.

    Raises:
        Unusable
    """
    if Task.FLOW not in model.tasks:
        raise Unusable(
            f"{model.bundle.name} has {','.join(model.tasks)}, but streams are for flow: send "
            f"every image to POST /v1/predict"
        )


async def fulfil(
    order: Order,
    images: Mapping[str, bytes],
    *,
    service: Service,
    model: ServedModel,
    caller: Caller,
    place: Place | None = None,
) -> Finished:
    """Answer one request; `images` holds "image" and perhaps "next_image", encoded.

    With `place`, the image is a frame of that stream: it waits for its turn, flow comes from the
    frame before it, and its own features stay for the one after it.

    Raises:
        QueueFull, RateLimited: before anything is decoded.
        TooManyPixels, UnsupportedImage, MalformedImage: from the header, or from decoding.
        Unusable: not to be had, or the two images differ in size.
        DeadlinePassed, Draining, ServerError: from the worker.
    """
    if place is not None:
        check_streams(model)
    tasks = check_order(order, model, may_have_flow="next_image" in images or place is not None)
    limits = service.image_limits(model)
    headers = [limits.check(data) for data in images.values()]
    num_pixels = sum(header.num_pixels for header in headers)
    num_bytes = sum(len(data) for data in images.values())
    has_flow = Task.FLOW in tasks
    num_frames = 2 if has_flow and len(images) == 2 else 1
    shape = Shape(size=headers[0].size, num_frames=num_frames, has_flow=has_flow)
    record = current_record()
    with (
        service.admission.request(num_bytes, retry_after_s=service.retry_after_s),
        let_in(
            [shape],
            num_pixels=num_pixels,
            service=service,
            model=model,
            caller=caller,
            deadline_s=order.deadline_s,
            priority=order.priority,
        ) as hold,
    ):
        decoded, decode_s = await _decode(order, images, service=service, model=model, hold=hold)
        record.add("decode", decode_s)
        image, next_image = decoded["image"], decoded.get("next_image")
        stream = None
        if place is not None:
            answer, stream = await _infer_frame(
                order, tasks, image, place, service=service, model=model, hold=hold
            )
            if stream.flow_from is None:
                tasks = tuple(task for task in tasks if task is not Task.FLOW)
        else:
            if has_flow and next_image is not None and next_image.size != image.size:
                raise Unusable(
                    f"image is {_size(image)}, next_image is {_size(next_image)} (HxW), expected "
                    f"the same size: flow is defined between two frames of one camera"
                )
            # A second image that nobody asked flow for is not worth computing.
            second = next_image.pixels if has_flow and next_image is not None else None
            job = Job(image=image.pixels, next_image=second, tasks=frozenset(tasks))
            answer = await _infer(job, order, model=model, hold=hold)
        result = Result(
            bundle=model.bundle,
            tasks=tasks,
            image=image_info(image),
            next_image=None if next_image is None else image_info(next_image),
            prediction=answer.prediction,
            decode_s=decode_s,
            queue_s=answer.queue_s,
            infer_s=answer.infer_s,
            pixels=image.pixels if order.form.shown is Render.OVERLAY else None,
            depth=order.form.depth,
            repeat=None if place is not None else _repeat(order, model),
            stream=stream,
        )
        started_s = time.monotonic()
        payload = None
        if tasks or order.form.media is Media.JSON:
            payload = await wait_for(service.encoders.submit(_encode, result, order, service), hold)
    record.add("encode", time.monotonic() - started_s)
    return Finished(payload=payload, stream=stream)


async def _decode(
    order: Order,
    images: Mapping[str, bytes],
    *,
    service: Service,
    model: ServedModel,
    hold: Hold,
) -> tuple[dict[str, DecodedImage], float]:
    limits = service.image_limits(model)

    def decode(data: bytes) -> DecodedImage:
        return decode_image(data, limits=limits, orientation=order.orientation)

    started_s = time.monotonic()
    decoded = await wait_for_all(
        (service.decoders.submit(decode, data) for data in images.values()), hold
    )
    return dict(zip(images, decoded, strict=True)), time.monotonic() - started_s


async def _infer(job: Job, order: Order, *, model: ServedModel, hold: Hold) -> Answer:
    (answer,) = await run_jobs(
        [job], model=model, deadline_s=order.deadline_s, priority=order.priority, hold=hold
    )
    return answer


async def _infer_frame(
    order: Order,
    tasks: tuple[Task, ...],
    image: DecodedImage,
    place: Place,
    *,
    service: Service,
    model: ServedModel,
    hold: Hold,
) -> tuple[Answer, StreamFrame]:
    """One frame, encoded once. The next one may start as soon as this returns."""
    stream = place.stream
    await place.turn.wait()
    # Only now: the frame before this one has just left its features, or it all has gone meanwhile.
    service.streams.find(stream.id, owner=stream.owner, now_s=time.monotonic())
    start: Start = stream.start_for(image.size, model)
    job = Job(
        image=image.pixels,
        previous=start.features if Task.FLOW in tasks else None,
        tasks=frozenset(tasks) if start.features is not None else frozenset(tasks) - {Task.FLOW},
        keep_features=True,
    )
    answer = await _infer(job, order, model=model, hold=hold)
    assert answer.features is not None  # they were asked for
    last = LastFrame(features=answer.features, size=image.size, model=weakref.ref(model))
    number = stream.num_frames
    service.streams.keep(stream, last, now_s=time.monotonic())
    place.turn.done()
    has_flow = job.previous is not None
    service.telemetry.stream_frames.labels(str(has_flow).lower()).inc()
    frame = StreamFrame(
        id=stream.id,
        frame=number,
        flow_from=number - 1 if has_flow else None,
        restarted=None if start.restart is None else start.restart.value,
    )
    return replace(answer, features=None), frame


def _encode(result: Result, order: Order, service: Service) -> Payload:
    for task, reason in result.oddities:
        service.telemetry.odd_maps.labels(task.value, reason).inc()
    return encode_result(result, order.form)


def _repeat(order: Order, model: ServedModel) -> dict[str, str]:
    """The query that asks for the same maps again."""
    query = {"model": str(model), "orientation": order.orientation}
    chosen = {"render": order.form.render, "depth": order.form.depth}
    return query | {name: choice.value for name, choice in chosen.items() if choice is not None}


def _size(image: DecodedImage) -> str:
    return f"{image.size[0]}x{image.size[1]}"
