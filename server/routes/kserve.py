"""/v2: the Open Inference Protocol with Triton's extensions, for clients that speak it already.

Only 200 is success, and an error is `{"error": "..."}`. What happens to the images is what happens
below /v1: the same limits, the same queue, the same worker.
"""

import asyncio
import time
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from server.answers.schemas import ErrorSentence
from server.errors import (
    ClientGone,
    DeadlinePassed,
    MalformedBody,
    NotReady,
    ServerError,
    UnsupportedExtension,
)
from server.http.disconnect import while_connected
from server.kserve import repository
from server.kserve.body import LENGTH_HEADER, InferBody, read_body
from server.kserve.catalog import open_model, served_models, versions_of
from server.kserve.compression import accepted_encoding, inflate, request_encoding
from server.kserve.infer import infer
from server.kserve.metadata import model_configuration, model_metadata, server_metadata
from server.kserve.openapi import infer_body, infer_responses
from server.kserve.order import InferOrder, make_order
from server.kserve.receive import receive_body
from server.kserve.schemas import (
    IndexEntry,
    IndexQuery,
    InferResponse,
    Live,
    ModelConfiguration,
    ModelMetadata,
    ModelReady,
    Ready,
    ServerMetadata,
    StatisticsList,
)
from server.kserve.statistics import model_statistics
from server.loading.loaded_model import LoadedModel
from server.service import Service

router = APIRouter(prefix="/v2", tags=["Open Inference Protocol"])

INDEX_BYTES = 4096
_MODEL = ("/models/{name}", "/models/{name}/versions/{version}")


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ErrorSentence} for status in statuses}


@router.get("", responses=_errors(500))
async def server(request: Request) -> ServerMetadata:
    """Who answers, and what it can do beyond the protocol."""
    return server_metadata(request.app.version)


@router.get("/health/live", responses=_errors(503))
async def live(request: Request) -> Live:
    """200 while the engine's thread lives; else restart this process."""
    service: Service = request.app.state.service
    if not service.is_live:
        raise NotReady(service.failure or "the engine's thread has ended: restart this process")
    return Live(live=True)


@router.get("/health/ready", responses=_errors(503))
async def ready(request: Request) -> Ready:
    """200 while requests are taken: after loading, before the end."""
    service: Service = request.app.state.service
    _check_ready(service)
    return Ready(ready=True)


@router.get("/models/stats", responses=_errors(500))
async def all_statistics(request: Request) -> StatisticsList:
    """What every model has done since it was loaded."""
    service: Service = request.app.state.service
    return _statistics(service, served_models(service))


@router.get(_MODEL[0], responses=_errors(404, 503))
@router.get(_MODEL[1], responses=_errors(404, 503))
async def metadata(request: Request, name: str, version: str | None = None) -> ModelMetadata:
    """Inputs and outputs of a model."""
    found = versions_of(request.app.state.service, name, version)
    return model_metadata(found[0], [model.bundle.version for model in found])


@router.get(f"{_MODEL[0]}/ready", responses=_errors(404, 503))
@router.get(f"{_MODEL[1]}/ready", responses=_errors(404, 503))
async def model_ready(request: Request, name: str, version: str | None = None) -> ModelReady:
    """200 while requests for this model are taken."""
    service: Service = request.app.state.service
    model = open_model(service, name, version)
    _check_ready(service)
    return ModelReady(name=model.bundle.name, ready=True)


@router.get(f"{_MODEL[0]}/config", responses=_errors(404, 503))
@router.get(f"{_MODEL[1]}/config", responses=_errors(404, 503))
async def configuration(
    request: Request, name: str, version: str | None = None
) -> ModelConfiguration:
    """A model in the words of Triton's configuration, as far as there are any."""
    service: Service = request.app.state.service
    return model_configuration(versions_of(service, name, version)[0], service.config)


@router.get(f"{_MODEL[0]}/stats", responses=_errors(404, 503))
@router.get(f"{_MODEL[1]}/stats", responses=_errors(404, 503))
async def statistics(request: Request, name: str, version: str | None = None) -> StatisticsList:
    """What a model has done since it was loaded, by /v1 and by /v2."""
    service: Service = request.app.state.service
    return _statistics(service, versions_of(service, name, version))


@router.post(
    f"{_MODEL[0]}/infer",
    response_model=InferResponse,
    responses=infer_responses(),
    openapi_extra=infer_body(),
)
@router.post(
    f"{_MODEL[1]}/infer",
    response_model=InferResponse,
    responses=infer_responses(),
    openapi_extra=infer_body(),
)
async def infer_maps(request: Request, name: str, version: str | None = None) -> Response:
    """Images in, maps out.

    Inputs: `image`, and for flow `next_image`: BYTES `[B]` are encoded images (binary, or base64 in
    the JSON), UINT8 `[B, H, W, 3]` are RGB pixels. Outputs: `labels`, `label_confidence`, `depth`,
    `depth_uncertainty`, `flow`, `flow_uncertainty`, by default all that the inputs allow. With
    `Inference-Header-Content-Length: 0` the body is one encoded image and nothing else.
    """
    started_s = time.monotonic()
    service: Service = request.app.state.service
    model = open_model(service, name, version)
    try:
        return await _infer(request, service, model, version, started_s=started_s)
    except ServerError as error:
        service.telemetry.statistics.of(model.bundle).failed(time.monotonic() - started_s)
        if isinstance(error, ClientGone):
            service.telemetry.cancelled.inc()
        if isinstance(error, DeadlinePassed):
            service.telemetry.deadline_missed.inc()
        raise


async def _infer(
    request: Request,
    service: Service,
    model: LoadedModel,
    version: str | None,
    *,
    started_s: float,
) -> Response:
    config, telemetry, headers = service.config, service.telemetry, request.headers
    encoding = request_encoding(headers.get("content-encoding"), allowed=config.inflate_bodies)
    announced = headers.get("content-length", "")
    known = announced.isdecimal() and encoding is None
    num_bytes = int(announced) if known else config.max_body_bytes
    retry_after_s = service.retry_after_s
    allowed_s = config.timeout_s
    loop = asyncio.get_running_loop()
    started_loop_s = loop.time() + started_s - time.monotonic()

    def read(data: bytes) -> InferOrder:
        if encoding is not None:
            data = inflate(data, encoding, max_bytes=config.max_body_bytes)
        body = read_body(
            data,
            header_length=_header_length(request),
            max_json_bytes=config.max_json_bytes,
        )
        _check_model(body, model, version)
        return make_order(
            body,
            bundle=model.bundle,
            limits=service.image_limits(model),
            max_images=config.max_images,
            max_json_values=config.max_json_values,
        )

    try:
        async with asyncio.timeout_at(started_loop_s + allowed_s) as limit:
            with service.admission.request(num_bytes, retry_after_s=retry_after_s):
                data = await receive_body(
                    request, max_bytes=config.max_body_bytes, timeout_s=config.body_timeout_s
                )
                telemetry.receive.observe(time.monotonic() - started_s)
                # In a thread: a large JSON would keep the event loop from everybody else.
                order = await asyncio.wrap_future(service.decoders.submit(read, data))
                if order.timeout_s is not None:
                    allowed_s = min(allowed_s, order.timeout_s)
                    limit.reschedule(started_loop_s + allowed_s)
                telemetry.image_pixels.observe(order.num_pixels)
                with service.admission.pixels(
                    order.num_pixels, retry_after_s=retry_after_s
                ) as hold:
                    work = infer(
                        order,
                        service=service,
                        model=model,
                        hold=hold,
                        deadline_s=started_s + allowed_s,
                        encoding=accepted_encoding(headers.get("accept-encoding")),
                    )
                    finished = await while_connected(request.receive, work)
    except TimeoutError as error:
        raise DeadlinePassed(
            f"no answer within {allowed_s * 1e6:.0f} us, the work was dropped: allow more with the "
            f"parameter timeout (up to {config.timeout_s * 1e6:.0f} us), or send fewer pixels"
        ) from error
    answer = finished.answer
    return Response(
        answer.body,
        headers={"Server-Timing": finished.server_timing, **answer.headers},
        media_type=answer.media_type,
    )


@router.post("/repository/index", responses=_errors(400, 408, 413, 503))
async def repository_index(request: Request) -> list[IndexEntry]:
    """Every model that is there."""
    service: Service = request.app.state.service
    body = await receive_body(
        request, max_bytes=INDEX_BYTES, timeout_s=service.config.body_timeout_s
    )
    try:
        query = IndexQuery.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise MalformedBody(
            'the body is not a request for the index, expected nothing or {"ready": true}'
        ) from error
    return repository.index(service, only_ready=query.ready)


@router.post("/repository/models/{name}/load", responses=_errors(401, 403, 404, 503))
async def load(request: Request, name: str) -> Response:
    """Load a model, or load it again."""
    repository.control(request.app.state.service, name, "load")
    return Response(status_code=200)


@router.post("/repository/models/{name}/unload", responses=_errors(401, 403, 404, 503))
async def unload(request: Request, name: str) -> Response:
    """Unload a model."""
    repository.control(request.app.state.service, name, "unload")
    return Response(status_code=200)


def _refuse(path: str, why: str) -> None:
    """An extension of Triton's that is not here, said in a sentence."""

    async def refuse() -> None:
        raise UnsupportedExtension(why)

    router.add_api_route(path, refuse, methods=["GET", "POST"], include_in_schema=False)


_NO_REGIONS = (
    "shared memory is not supported: clients of this server may be anywhere, so send tensors in "
    "the body"
)
_refuse("/systemsharedmemory/{rest:path}", _NO_REGIONS)
_refuse("/cudasharedmemory/{rest:path}", _NO_REGIONS)
_NO_TRACE = "traces are set up by the operator (OpenTelemetry), not by clients"
_refuse("/trace/setting", _NO_TRACE)
_refuse("/models/{name}/trace/setting", _NO_TRACE)
_refuse("/logging", "the log is set up by the operator (--log-format), not by clients")


def _check_ready(service: Service) -> None:
    if not service.is_ready:
        service.open_model()  # says why
        raise NotReady("the engine's thread has ended: restart this process")


def _statistics(service: Service, models: list[LoadedModel]) -> StatisticsList:
    tally = service.telemetry.statistics.of
    return StatisticsList(
        model_stats=[model_statistics(model.bundle, tally(model.bundle)) for model in models]
    )


def _header_length(request: Request) -> str | None:
    given = request.headers.getlist(LENGTH_HEADER)
    if len(given) > 1:
        raise MalformedBody(f"{LENGTH_HEADER} came {len(given)} times, expected it once")
    return given[0] if given else None


def _check_model(body: InferBody, model: LoadedModel, version: str | None) -> None:
    bundle, asked = model.bundle, body.request
    if asked.model_name not in (None, "", bundle.name):
        raise MalformedBody(
            f"model_name is {asked.model_name!r:.80} and the URL says {bundle.name}: name the same"
        )
    if asked.model_version not in (None, "", version or bundle.version):
        raise MalformedBody(
            f"model_version is {asked.model_version!r:.80} and {bundle.version} answers this URL: "
            f"ask /v2/models/{bundle.name}/versions/..."
        )
