"""POST /v1/predict: an image, or two, in; maps out."""

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from models.task import Task
from server.answers.encode import check_form
from server.answers.negotiation import Media, choose_media
from server.answers.result import Render
from server.answers.schemas import ErrorAnswer, Summary
from server.codecs.decode import Orientation
from server.errors import ClientGone, DeadlinePassed, Unusable
from server.http.disconnect import while_connected
from server.http.upload import IMAGE_TYPES, UploadLimits, receive_images
from server.pipeline import Order, fulfil
from server.roster.served_model import ServedModel
from server.routes.models import SPEC
from server.service import Service
from server.watching.request_record import current_record

router = APIRouter()


class PredictQuery(BaseModel):
    """What is wanted, and in which form."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    tasks: str | None = None
    """Comma-separated: segmentation, depth, flow. By default all that the input allows."""

    orientation: Orientation = "display"
    """display applies the EXIF rotation, raw leaves the image as it is stored."""

    render: Render = Render.DATA
    """color: pictures to look at in place of numbers. image/jpeg is always a picture."""

    inline: bool = False
    """Put each map as a base64 PNG into the JSON."""

    model: str | None = Field(default=None, pattern=SPEC)
    """name or name@version, as GET /v1/models lists them. By default the default model."""

    timeout_ms: float | None = Field(default=None, gt=0)
    """Give up with 504 after so long. The server's own limit holds besides."""


_BODY = {
    **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in IMAGE_TYPES},
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["image"],
            "properties": {
                "image": {"type": "string", "format": "binary"},
                "next_image": {"type": "string", "format": "binary"},
            },
        }
    },
}
_BINARY: dict[str, Any] = {
    media.value: {"schema": {"type": "string", "format": "binary"}}
    for media in Media
    if media is not Media.JSON
}
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer} for status in (400, 406, 408, 413, 415, 422, 429, 500, 503, 504)
}


@router.post(
    "/v1/predict",
    summary="Segmentation and depth of an image, with next_image also optical flow",
    response_model=Summary,
    responses={200: {"content": _BINARY, "description": "By Accept."}, **_ERRORS},
    openapi_extra={"requestBody": {"required": True, "content": _BODY}},
)
async def predict(request: Request, query: Annotated[PredictQuery, Query()]) -> Response:
    """Send the image as the body, or a form with `image` and perhaps `next_image`.

    The answer follows Accept: application/json (a summary), application/zip (PNGs and meta.json),
    application/x-npz (arrays), image/png and image/jpeg.
    """
    started_s = time.monotonic()
    service: Service = request.app.state.service
    try:
        return await _predict(request, query, service, started_s=started_s)
    except ClientGone:
        service.telemetry.cancelled.inc()
        raise
    except DeadlinePassed:
        service.telemetry.deadline_missed.inc()
        raise


async def _predict(
    request: Request, query: PredictQuery, service: Service, *, started_s: float
) -> Response:
    config = service.config
    model = service.open_model(query.model)
    record = current_record()
    record.model, record.version = model.name, model.version
    media = choose_media(request.headers.get("accept"))
    render = Render.COLOR if media is Media.JPEG else query.render
    wanted = parse_tasks(query.tasks)
    limits = service.image_limits(model)
    timeout_s = min(config.timeout_s, (query.timeout_ms or float("inf")) / 1e3)
    deadline_s = started_s + timeout_s
    announced = request.headers.get("content-length", "")
    num_bytes = int(announced) if announced.isdecimal() else config.max_body_bytes
    retry_after_s = service.retry_after_s
    try:
        async with asyncio.timeout_at(_loop_time(deadline_s)):
            with service.admission.request(num_bytes, retry_after_s=retry_after_s):
                images = await receive_images(
                    request,
                    limits=UploadLimits(
                        max_body_bytes=config.max_body_bytes, body_timeout_s=config.body_timeout_s
                    ),
                    check_header=limits.check,
                )
                record.add("receive", time.monotonic() - started_s)
                tasks = choose_tasks(wanted, model, has_next="next_image" in images)
                check_form(media, tasks, render=render, inline=query.inline)
                num_pixels = sum(limits.check(data).num_pixels for data in images.values())
                record.pixels = num_pixels
                order = Order(
                    tasks=tasks,
                    media=media,
                    render=render,
                    inline=query.inline,
                    orientation=query.orientation,
                    deadline_s=deadline_s,
                )
                with service.admission.pixels(num_pixels, retry_after_s=retry_after_s) as hold:
                    work = fulfil(order, images, service=service, model=model, hold=hold)
                    finished = await while_connected(request.receive, work)
    except TimeoutError as error:
        raise DeadlinePassed(
            f"no answer within {timeout_s * 1e3:g} ms, the work was dropped: allow more with "
            f"timeout_ms (up to {config.timeout_s * 1e3:g}), or send fewer pixels"
        ) from error
    return Response(
        finished.payload.body,
        headers={
            "Vary": "Accept",
            "Server-Timing": finished.server_timing,
            **finished.payload.headers,
        },
        media_type=media.value,
    )


def parse_tasks(tasks: str | None) -> tuple[Task, ...] | None:
    """The tasks of a query, each once, in the order of Task; None if it leaves them open.

    Raises:
        Unusable
    """
    if tasks is None:
        return None
    names = {name.strip() for name in tasks.split(",")}
    known = [task.value for task in Task]
    if not names <= set(known):
        raise Unusable(f"tasks is {tasks!r:.80}, expected some of {','.join(known)}")
    return tuple(task for task in Task if task.value in names)


def choose_tasks(
    wanted: tuple[Task, ...] | None, model: ServedModel, *, has_next: bool
) -> tuple[Task, ...]:
    """What will be answered.

    Raises:
        Unusable: the model does not have a task, or flow was asked of one image.
    """
    if wanted is None:
        return tuple(task for task in model.tasks if task is not Task.FLOW or has_next)
    missing = [task.value for task in wanted if task not in model.tasks]
    if missing:
        raise Unusable(
            f"tasks has {','.join(missing)}, but {model.bundle.name} has "
            f"{','.join(model.tasks)}: ask for these"
        )
    if Task.FLOW in wanted and not has_next:
        raise Unusable(
            "flow is the motion between two images, one came: send a form with image and next_image"
        )
    return wanted


def _loop_time(monotonic_s: float) -> float:
    """`time.monotonic` in the time of the running loop."""
    return asyncio.get_running_loop().time() + monotonic_s - time.monotonic()
