"""One request of the Open Inference Protocol, from its first byte to the answer."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from server.answers.encode import Payload
from server.errors import MalformedBody
from server.http.arrival import arrival
from server.http.body import BodyLimits, whole_body
from server.http.deadline import until
from server.http.disconnect import while_connected
from server.http.pieces_response import PiecesResponse
from server.kserve.body import LENGTH_HEADER, read_body
from server.kserve.compression import accepted_encoding
from server.kserve.infer import infer
from server.kserve.order import InferOrder, make_order
from server.roster.served_model import ServedModel
from server.service import Service
from server.watching.request_record import current_record


async def infer_exchange(
    request: Request,
    *,
    service: Service,
    model: ServedModel,
    version: str | None,
    started_s: float,
) -> Response:
    """Receive, infer, answer; the work ends when the client leaves or its deadline passes.

    `version` is the one in the URL, which the body may repeat.
    """
    most_s = service.config.timeout_s
    async with until(started_s + most_s, timeout_s=most_s, most_s=most_s):
        with arrival(service, model, started_s=started_s) as grow:
            work = _answer(
                await whole_body(request, BodyLimits.of(service.config), grow=grow),
                request,
                service=service,
                model=model,
                version=version,
                started_s=started_s,
            )
        payload = await while_connected(request.receive, work)
    return PiecesResponse(payload, headers={"Server-Timing": current_record().server_timing})


async def _answer(
    data: bytes,
    request: Request,
    *,
    service: Service,
    model: ServedModel,
    version: str | None,
    started_s: float,
) -> Payload:
    config, limits = service.config, service.image_limits(model)

    def read(received: bytes) -> InferOrder:
        body = read_body(
            received, header_length=_header_length(request), max_json_bytes=config.max_json_bytes
        )
        return make_order(body, model=model, version=version, limits=limits, config=config)

    with service.admission.request(len(data), retry_after_s=service.retry_after_s):
        # In a thread: a large JSON would keep the event loop from everybody else.
        order = await asyncio.wrap_future(service.decoders.submit(read, data))
        del data  # encoded images were cut out of it: once in memory is enough
        # Only the body says how long its sender waits.
        timeout_s = min(config.timeout_s, order.timeout_s or config.timeout_s)
        deadline_s = started_s + timeout_s
        async with until(deadline_s, timeout_s=timeout_s, most_s=config.timeout_s):
            return await infer(
                order,
                service=service,
                model=model,
                caller=request.state.caller,
                deadline_s=deadline_s,
                encoding=accepted_encoding(request.headers.get("accept-encoding")),
            )


def _header_length(request: Request) -> str | None:
    given = request.headers.getlist(LENGTH_HEADER)
    if len(given) > 1:
        raise MalformedBody(f"{LENGTH_HEADER} came {len(given)} times, expected it once")
    return given[0] if given else None
