"""One request with images, from its first byte to the answer: predictions and frames alike."""

from starlette.requests import Request
from starlette.responses import Response

from server.http.arrival import arrival
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
    timeout_s, most_s = order.deadline_s - started_s, service.config.timeout_s
    async with until(order.deadline_s, timeout_s=timeout_s, most_s=most_s):
        with arrival(service, model, started_s=started_s) as grow:
            images = await receive_images(
                request,
                limits=BodyLimits.of(service.config),
                check_header=service.image_limits(model).check,
                parts=PARTS if place is None else PARTS[:1],
                grow=grow,
            )
            if place is not None:  # here, where its bytes still count as arriving
                await while_connected(request.receive, place.turn.arrive())
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
    headers = {"Vary": "Accept", "Server-Timing": current_record().server_timing}
    if finished.stream is not None:
        headers[STREAM_HEADER] = finished.stream.model_dump_json()
    if finished.payload is None:
        return Response(status_code=204, headers=headers)
    return PiecesResponse(finished.payload, headers=headers)
