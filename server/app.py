"""The application: routes, errors and middleware around one service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.cors import CORSMiddleware

from server.http.error_answers import install_error_answers
from server.http.request_scope import RequestScope
from server.routes import health, kserve, models, playground, predict
from server.service import Service

DESCRIPTION = """Segmentation, depth and optical flow of images of any size.

Sizes are [height, width] in pixels. Errors are `{"error": {"code", "status", "message",
"request_id"}}`; the message says what came, what was expected and what to do. Below /v2 they are
`{"error": message}`, as the Open Inference Protocol has it."""


def create_app(service: Service) -> FastAPI:
    """An ASGI application. Its lifespan starts and stops the service."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        service.stop()

    # FastAPI's own /docs loads its scripts from elsewhere: blank behind a firewall.
    app = FastAPIOffline(
        redoc_url=None,
        static_url="/docs-files",
        title="anyres",
        description=DESCRIPTION,
        version="1",
        lifespan=lifespan,
    )
    app.state.service = service
    install_error_answers(app)
    app.include_router(predict.router)
    app.include_router(models.router)
    app.include_router(kserve.router)
    app.include_router(health.router)
    if service.config.playground:
        app.include_router(playground.router)
    app.add_middleware(RequestScope, telemetry=service.telemetry)
    if service.config.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(service.config.cors_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type", "X-Request-Id"],
            expose_headers=["Server-Timing", "X-Request-Id", "X-Anyres-Map", "Retry-After"],
        )
    return app
