"""Sends shots and says what became of each.

aiohttp: its parser is C, so that on a machine shared with the server it takes a fraction of a
millisecond per request where a client in Python takes several.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from server.bench.outcome import Outcome, parse_server_timing
from server.bench.surfaces import Call, Surface, frame_call, kserve_call, predict_call
from server.bench.traffic import Shot
from server.errors import ServerError

KEEP_ALIVE_S = 2.0
"""Shorter than any server's (uvicorn: 5 s): a connection that the server closes in the moment in
which we use it again would count as its error."""

UNCOMPRESSED = {"Accept-Encoding": "identity"}
"""aiohttp asks for gzip unless told otherwise. A server that obliges would deflate every map: 2.4 s
for an npz of 1.1 MB that takes 0.1 s as it is. That measures gzip, so nobody is asked for it."""


class Client:
    """One program that calls one server. Use `opened`."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, *, surface: Surface, model: str
    ) -> None:
        self._session = session
        self._url = url
        self._surface = surface
        self._model = model

    async def send(
        self,
        shot: Shot,
        *,
        due_s: float,
        hang_up_after_s: float | None = None,
        stream_id: str = "",
    ) -> Outcome:
        """One request; `due_s` is `time.monotonic` time. Raises nothing: failures are outcomes."""
        call = self._call(shot, stream_id)
        sent_s = time.monotonic()
        status, num_bytes, stages_s = 0, 0, {}
        try:
            async with asyncio.timeout(hang_up_after_s) as patience:
                answer = await self._session.post(
                    self._url + call.path, data=call.body, headers=call.headers
                )
                async with answer:
                    num_bytes = len(await answer.read())
                    stages_s = parse_server_timing(answer.headers.get("Server-Timing", ""))
                    status, ending = answer.status, "answered"
        except TimeoutError:
            # Leaving the block has closed the connection: the server sees a client that went away.
            ending = "hung up" if patience.expired() else "TimeoutError"
        except aiohttp.ClientError as error:
            ending = type(error).__name__
        return Outcome(
            due_s=due_s,
            sent_s=sent_s,
            ended_s=time.monotonic(),
            status=status,
            ending=ending,
            size=shot.picture.size,
            num_pixels=shot.num_pixels,
            num_bytes=num_bytes,
            stages_s=stages_s,
        )

    @asynccontextmanager
    async def stream(self) -> AsyncIterator[str]:
        """The id of a stream; of the empty one where the surface has none.

        Raises:
            ServerError: the server opens none.
        """
        if self._surface != "stream":
            yield ""
            return
        async with self._session.post(self._url + "/v1/streams") as answer:
            text = await answer.text()
            if answer.status not in (200, 201):
                raise ServerError(
                    f"POST /v1/streams answered {answer.status} ({text[:200]}): "
                    f"call a server that has streams, or fewer clients than it has streams"
                )
            stream_id = str((await answer.json())["id"])
        try:
            yield stream_id
        finally:
            await self._session.delete(f"{self._url}/v1/streams/{stream_id}")

    def _call(self, shot: Shot, stream_id: str) -> Call:
        if self._surface == "stream":
            return frame_call(shot, stream_id)
        if self._surface == "kserve":
            return kserve_call(shot, self._model)
        return predict_call(shot)


@asynccontextmanager
async def opened(
    url: str, *, surface: Surface = "predict", timeout_s: float = 120.0, api_key: str = ""
) -> AsyncIterator[Client]:
    """A client with as many connections as it has requests under way."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
        timeout=aiohttp.ClientTimeout(total=timeout_s),
        headers={**UNCOMPRESSED, **({"Authorization": f"Bearer {api_key}"} if api_key else {})},
    ) as session:
        model = await _model_name(session, url) if surface == "kserve" else ""
        yield Client(session, url, surface=surface, model=model)


async def _model_name(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(url + "/v1/models") as answer:
        return str((await answer.json())["models"][0]["name"])
