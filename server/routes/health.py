"""Three questions that a supervisor asks, and the page that a monitor reads.

livez: would waiting help? startupz: have the models been loaded? readyz: send requests now?
"""

from fastapi import APIRouter, Request, Response

from server.answers.schemas import Health
from server.service import Service

router = APIRouter()


@router.get("/livez", responses={503: {"model": Health}})
async def livez(request: Request, response: Response) -> Health:
    """200 while the engine's thread lives; else restart this process."""
    service: Service = request.app.state.service
    if service.is_live:
        return Health(status="live")
    response.status_code = 503
    return Health(status="dead", reason=service.failure or "the engine's thread has ended")


@router.get("/startupz", responses={503: {"model": Health}})
async def startupz(request: Request, response: Response) -> Health:
    """200 once the models that were there at the start are loaded and warm, or have failed."""
    service: Service = request.app.state.service
    if service.is_started:
        return Health(status="started")
    response.status_code = 503
    return Health(status="starting", reason=service.why_not_ready)


@router.get("/readyz", responses={503: {"model": Health}})
async def readyz(request: Request, response: Response) -> Health:
    """200 while predictions are taken: after loading, before SIGTERM."""
    service: Service = request.app.state.service
    if service.is_ready:
        return Health(status="ready")
    response.status_code = 503
    status = "draining" if service.draining else "not ready"
    return Health(status=status, reason=service.why_not_ready)


@router.get("/metrics", response_class=Response)
def metrics(request: Request) -> Response:
    """For Prometheus."""
    service: Service = request.app.state.service
    return Response(service.telemetry.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
