"""The bundle behind Ray Serve.

Choices: `@serve.deployment` with its defaults (one replica, at most 5 requests in it at a time,
HTTP proxy in a process of its own). The image is the raw body. The engine runs in a thread
(`asyncio.to_thread`), as Ray's documentation advises for work that blocks: left in the coroutine
it would hold up the replica. Ray is told that the machine has two CPUs, no dashboard.
Batching: the documented `@serve.batch` around the engine.
"""

import asyncio
import os
import signal
from typing import Any

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from tests.benchmarks.peers.work import MEDIA_TYPE, Work, batch_size, port

BATCH_WAIT_S = 0.01


@serve.deployment
class Maps:
    """One replica."""

    def __init__(self) -> None:
        self.work = Work()
        self.batch_size = batch_size()

    @serve.batch(max_batch_size=max(2, batch_size()), batch_wait_timeout_s=BATCH_WAIT_S)  # type: ignore[untyped-decorator]
    async def infer(self, images: list[Any]) -> list[Any]:
        """The engine on a batch."""
        return await asyncio.to_thread(self.work.infer_many, images)

    async def __call__(self, request: Request) -> Response:
        """An image file in, an npz out."""
        body = await request.body()
        if self.batch_size == 1:
            return Response(await asyncio.to_thread(self.work.whole, body), media_type=MEDIA_TYPE)
        image = await asyncio.to_thread(self.work.decode, body)
        prediction = await self.infer(image)
        answer = await asyncio.to_thread(self.work.encode, image, prediction)
        return Response(answer, media_type=MEDIA_TYPE)


def main() -> None:
    """Serve until a signal."""
    names = ("PYTHONPATH", "PEER_BUNDLE", "PEER_THREADS", "PEER_BATCH", "OMP_NUM_THREADS")
    given = {name: os.environ[name] for name in names if name in os.environ}
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=200 * 2**20,
        runtime_env={"env_vars": given},
    )
    serve.start(http_options={"host": "127.0.0.1", "port": port()})
    serve.run(Maps.bind(), route_prefix="/v1/predict")  # type: ignore[attr-defined]
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main()
