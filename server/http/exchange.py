"""One request with images, from its first byte to the answer: predictions and frames alike."""

import time

from starlette.requests import Request
from starlette.responses import Response

from server.http.body import BodyLimits
from server.http.deadline import until
from server.http.disconnect import while_connected
from server.http.pieces_response import PiecesResponse
from server.http.upload import PARTS, receive_images
from server.pipeline import Finished, Order, Place, fulfil
from server.roster.served_model import ServedModel
from server.service import Service
from server.watching.request_record import current_record

STREAM_HEADER = "X-Anyres-Stream"


async def exchange(
    request: Request,
    order: Order,
    *,
    service: Service,
    model: ServedModel,
    started_s: float,
    place: Place | None = None,
) -> Response:
    """Receive, fulfil, answer; the work ends when the client leaves or its deadline passes.

    With `place`, the body is one frame of a stream.
    """
    config, record = service.config, current_record()
    record.model, record.version = model.name, model.version
    timeout_s = order.deadline_s - started_s
    async with until(order.deadline_s, timeout_s=timeout_s, most_s=config.timeout_s):
        # A full house is told so before it has sent all its bytes.
        with service.admission.request(0, retry_after_s=service.retry_after_s):
            pass
        with service.arriving.body() as grow:
            images = await receive_images(
                request,
                limits=BodyLimits(
                    max_bytes=config.max_body_bytes,
                    timeout_s=config.body_timeout_s,
                    inflate=config.inflate_bodies,
                ),
                check_header=service.image_limits(model).check,
                parts=PARTS if place is None else PARTS[:1],
                grow=grow,
            )
            if place is not None:  # here, where its bytes still count as arriving
                await while_connected(request.receive, place.turn.arrive())
        record.add("receive", time.monotonic() - started_s)
        work = fulfil(
            order,
            images,
            service=service,
            model=model,
            caller=request.state.caller,
            place=place,
        )
        finished = await while_connected(request.receive, work)
    return _response(finished)


def _response(finished: Finished) -> Response:
    headers = {"Vary": "Accept", "Server-Timing": finished.server_timing}
    if finished.stream is not None:
        headers[STREAM_HEADER] = finished.stream.model_dump_json()
    if finished.payload is None:
        return Response(status_code=204, headers=headers)
    return PiecesResponse(finished.payload, headers=headers)
