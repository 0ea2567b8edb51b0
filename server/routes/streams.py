"""/v1/streams: a video, frame by frame. Each frame is encoded once, and flow comes for little."""

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response, WebSocket

from server.answers.schemas import StreamInfo, Summary
from server.http.conversation import Conversation
from server.http.exchange import STREAM_HEADER, exchange
from server.pipeline import Order, Place, check_order, check_streams
from server.routes.contract import ALWAYS, WITH_A_MODEL, WITH_IMAGES, errors, image_body, maps
from server.routes.query import LiveQuery, MapsQuery, StreamQuery, check_query, said_once
from server.service import Service
from server.streams.stream import Stream

router = APIRouter(dependencies=[Depends(said_once)])

StreamId = Annotated[
    str,
    Path(
        alias="id",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="As POST /v1/streams gave it.",
    ),
]


@router.post(
    "/v1/streams",
    status_code=201,
    responses={
        201: {"headers": {"Location": {"schema": {"type": "string"}}}},
        **errors(*ALWAYS, *WITH_A_MODEL),
    },
)
async def open_stream(
    request: Request, response: Response, query: Annotated[StreamQuery, Query()]
) -> StreamInfo:
    """Start a video; gives its id and limits.

    When there are too many, whoever has most loses the one that was unused for longest.
    """
    service: Service = request.app.state.service
    stream = _open(service, query.model, owner=request.state.caller.name)
    response.headers["Location"] = f"/v1/streams/{stream.id}"
    return describe(stream, service)


@router.get("/v1/streams/{id}", responses=errors(*ALWAYS, *WITH_A_MODEL, 410))
async def show_stream(request: Request, stream_id: StreamId) -> StreamInfo:
    """How far a stream is. Asking does not keep it alive."""
    service: Service = request.app.state.service
    return describe(_find(request, stream_id), service)


@router.delete("/v1/streams/{id}", status_code=204, responses=errors(*ALWAYS, 404, 410))
async def close_stream(request: Request, stream_id: StreamId) -> None:
    """The video is over; its memory is free at once. Frames on their way are still answered."""
    service: Service = request.app.state.service
    service.streams.close(_find(request, stream_id))


@router.post(
    "/v1/streams/{id}/frames",
    summary="Maps of the next frame, and optical flow from the frame before it",
    response_model=Summary,
    responses={
        **maps("In the form that Accept names.", STREAM_HEADER),
        204: {
            "description": "A first frame that was asked for flow alone: it is kept, and there is "
            "no map yet."
        },
        **errors(*ALWAYS, *WITH_A_MODEL, *WITH_IMAGES, 410),
    },
    openapi_extra=image_body("image"),
)
async def add_frame(
    request: Request, stream_id: StreamId, query: Annotated[MapsQuery, Query()]
) -> Response:
    """Send the frame as /v1/predict takes an image; the answer follows Accept in the same way.

    Frames are taken in the order in which their requests begin. Flow goes from the frame before
    this one to this one; the first frame, and one of another size, has none, and says so in
    `stream.restarted` of the answer and in the header X-Anyres-Stream.
    """
    started_s = time.monotonic()
    service: Service = request.app.state.service
    stream = _find(request, stream_id)
    model = service.open_model(stream.model)
    order = query.order(
        ",".join(request.headers.getlist("accept")),
        started_s=started_s,
        most_s=service.config.timeout_s,
    )
    with stream.turns.enter() as turn:
        service.streams.use(stream, now_s=started_s)
        return await exchange(
            request,
            order,
            service=service,
            model=model,
            started_s=started_s,
            place=Place(stream=stream, turn=turn),
        )


@router.websocket("/v1/streams/ws")
async def live_stream(socket: WebSocket) -> None:
    """A stream that lives as long as its connection. See docs/clients.md for the messages."""
    service: Service = socket.app.state.service
    query = check_query(LiveQuery, dict(socket.query_params))

    def order(started_s: float) -> Order:
        return query.order(query.accept, started_s=started_s, most_s=service.config.timeout_s)

    # What no frame could be given is refused in the handshake.
    check_order(order(time.monotonic()), service.open_model(query.model), may_have_flow=True)
    stream = _open(service, query.model, owner=socket.state.caller.name)
    try:
        await Conversation(socket, order, latest=query.latest, stream=stream, service=service).run(
            describe(stream, service)
        )
    finally:
        service.streams.close(stream)


def describe(stream: Stream, service: Service) -> StreamInfo:
    """A stream as JSON."""
    model = service.open_model(stream.model)
    return StreamInfo(
        id=stream.id,
        model=str(model),
        frames=stream.num_frames,
        size=None if stream.last is None else stream.last.size,
        feature_bytes=stream.num_bytes,
        idle_s=round(time.monotonic() - stream.used_s, 3),
        idle_timeout_s=service.streams.idle_s,
        max_mpx=model.max_pixels / 1e6,
        max_body_bytes=service.config.max_body_bytes,
        max_frame_bytes=service.config.max_frame_bytes,
    )


def _open(service: Service, model_spec: str | None, *, owner: str) -> Stream:
    check_streams(service.open_model(model_spec))
    return service.streams.open(owner=owner, model=model_spec, now_s=time.monotonic())


def _find(request: Request, stream_id: str) -> Stream:
    service: Service = request.app.state.service
    owner = request.state.caller.name
    return service.streams.find(stream_id, owner=owner, now_s=time.monotonic())
