"""The server on Ray Serve: one replica per device, on one machine or many.

    serve run server.ray_app:build_app config=/etc/anyres/anyres.toml max_replicas=4 gpus=1

Ray places replicas, restarts them and decides how many there are; a replica is the same
application as `python -m server`, in a process of its own. Ray is imported inside functions: the
server alone does not have it.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from server.app import create_app
from server.config import ServerConfig
from server.errors import NotReady
from server.service import Service

if TYPE_CHECKING:
    from fastapi import FastAPI

QUEUE_PIXELS = "queue_pixels"
ROUTER = "server.ray_router.StickyRouter"


class RayConfig(BaseModel):
    """Arguments of `serve run`, or `args` of a Serve config file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    config: Path | None = None
    """A TOML file with settings of the server, on every machine. ANYRES_* variables win over it."""

    min_replicas: int = Field(default=1, ge=1)

    max_replicas: int = Field(default=1, ge=1)
    """As many as there are devices."""

    cpus: float = Field(default=2.0, gt=0)
    """Cores of one replica; without a GPU the engine's threads are as many."""

    gpus: float = Field(default=0.0, ge=0)
    """GPUs of one replica, 0 or 1."""

    target_queue_mpx: float = Field(default=4.0, gt=0)
    """Replicas are added until no more millions of pixels than that wait at each."""

    upscale_delay_s: float = Field(default=30.0, ge=0)
    """More work must have been there for so long."""

    downscale_delay_s: float = Field(default=600.0, ge=0)
    """Less work, likewise. A replica that goes takes its streams with it."""

    def settings(self) -> ServerConfig:
        """Of the server, as this machine has them."""
        return ServerConfig() if self.config is None else ServerConfig(config=self.config)


class Replica:
    """One device. Ray calls these methods by their names."""

    def __init__(self, arguments: RayConfig) -> None:
        config = arguments.settings()
        if not config.threads and not arguments.gpus:
            # Ray does not bind processes to cores: each engine would take all of the machine's.
            config = config.model_copy(update={"threads": max(1, round(arguments.cpus))})
        self.service = Service(config)

    def __serve_build_asgi_app__(self) -> "FastAPI":
        """The application. It starts when the model is warm: Ray sends requests from then on."""
        return create_app(self.service, wait_until_started=True)

    def check_health(self) -> None:
        """Ray starts another replica when this raises."""
        if not self.service.is_live:
            raise NotReady(self.service.why_not_live)

    def record_autoscaling_stats(self) -> dict[str, float]:
        """For `PixelScaling`."""
        waiting = sum(model.worker.num_waiting_pixels for model in self.service.keeper.roster)
        return {QUEUE_PIXELS: float(waiting)}


class PixelScaling:
    """As many replicas as the waiting pixels need. Bounds and delays are Ray's."""

    def __init__(self, *, target_pixels: float) -> None:
        self._target_pixels = target_pixels

    def __call__(self, context: Any) -> tuple[int, dict[str, Any]]:
        """See ray.serve.config.AutoscalingContext; what counts is the mean of its window."""
        waiting: Mapping[Any, float] = (context.aggregated_metrics or {}).get(QUEUE_PIXELS, {})
        return max(1, math.ceil(sum(waiting.values()) / self._target_pixels)), {}


def build_app(arguments: RayConfig) -> Any:
    """What `serve run` deploys."""
    from ray import serve
    from ray.serve.config import AutoscalingConfig, AutoscalingPolicy, RequestRouterConfig

    settings = arguments.settings()
    deployment = serve.deployment(
        serve.ingress()(Replica),
        name="anyres",
        # Our own admission answers 429; Ray's queue in front of it must not be the narrower one.
        max_ongoing_requests=settings.max_queue + 16,
        ray_actor_options={"num_cpus": arguments.cpus, "num_gpus": arguments.gpus},
        graceful_shutdown_timeout_s=settings.drain_timeout_s,
        autoscaling_config=AutoscalingConfig(
            min_replicas=arguments.min_replicas,
            max_replicas=arguments.max_replicas,
            upscale_delay_s=arguments.upscale_delay_s,
            downscale_delay_s=arguments.downscale_delay_s,
            policy=AutoscalingPolicy(
                policy_function=PixelScaling,
                policy_kwargs={"target_pixels": arguments.target_queue_mpx * 1e6},
            ),
        ),
        request_router_config=RequestRouterConfig(request_router_class=ROUTER),
    )
    return deployment.bind(arguments)
