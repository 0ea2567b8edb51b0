"""Three questions that a supervisor asks, and the page that a monitor reads.

livez: would waiting help? startupz: have the models been loaded? readyz: send requests now?
"""

from typing import Any

from fastapi import APIRouter, Request, Response

from server.answers.schemas import Health
from server.service import Service

router = APIRouter()

RETRY_AFTER_S = 2
_NOT_YET: dict[int | str, dict[str, Any]] = {
    503: {"model": Health, "headers": {"Retry-After": {"schema": {"type": "integer"}}}}
}


def _later(response: Response, health: Health) -> Health:
    response.status_code = 503
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return health


@router.get("/livez", responses=_NOT_YET)
async def livez(request: Request, response: Response) -> Health:
    """200 while the engines' threads live and get on; else restart this process."""
    service: Service = request.app.state.service
    if service.is_live:
        return Health(status="live")
    return _later(response, Health(status="dead", reason=service.why_not_live))


@router.get("/startupz", responses=_NOT_YET)
async def startupz(request: Request, response: Response) -> Health:
    """200 once the models that were there at the start are loaded and warm, or have failed."""
    service: Service = request.app.state.service
    if service.is_started:
        return Health(status="started")
    return _later(response, Health(status="starting", reason=service.why_not_ready))


@router.get("/readyz", responses=_NOT_YET)
async def readyz(request: Request, response: Response) -> Health:
    """200 while predictions are taken: after loading, before SIGTERM."""
    service: Service = request.app.state.service
    if service.is_ready:
        return Health(status="ready")
    status = "draining" if service.draining else "not ready"
    return _later(response, Health(status=status, reason=service.why_not_ready))


@router.get("/metrics", response_class=Response)
def metrics(request: Request) -> Response:
    """For Prometheus."""
    service: Service = request.app.state.service
    return Response(service.telemetry.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
