"""One request over one connection, byte by byte, so that a client can leave at any of them."""

import asyncio
import http.client
import io
import time
from dataclasses import dataclass, field
from typing import Literal

Moment = Literal["head", "body", "waiting", "answer"]


@dataclass(frozen=True, kw_only=True)
class Leave:
    """How a client goes away."""

    moment: Moment
    """In the middle of what."""
    share: float
    """How far into it, 0 to 1."""
    abruptly: bool
    """By a reset, as a crashed client does; else by an orderly close."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What a client saw."""

    how: Literal["answered", "left", "lost"]
    """lost: it stayed and got no complete answer."""
    begun_s: float
    ended_s: float
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    reason: str = ""


WAIT_S = 0.2  # somebody who leaves while waiting does so within this


async def call(port: int, request: bytes, *, leave: Leave | None, patience_s: float) -> Ending:
    """Send a whole HTTP request and read the answer to the end of the connection."""
    begun_s = time.monotonic()
    writer: asyncio.StreamWriter | None = None
    received = b""
    try:
        async with asyncio.timeout(patience_s):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request if leave is None else request[: _sent(request, leave)])
            if leave is None:
                received = await _everything(reader)
            else:
                await _until_leaving(reader, leave)
                return Ending(how="left", begun_s=begun_s, ended_s=time.monotonic())
    except (OSError, TimeoutError) as error:
        if leave is not None:
            return Ending(how="left", begun_s=begun_s, ended_s=time.monotonic())
        return Ending(
            how="lost",
            begun_s=begun_s,
            ended_s=time.monotonic(),
            reason=f"{error!r} after {len(received)} bytes",
        )
    finally:
        if writer is not None:
            if leave is not None and leave.abruptly:
                writer.transport.abort()
            else:
                writer.close()
    return _parse(received, begun_s)


def _sent(request: bytes, leave: Leave) -> int:
    """How many bytes are sent before the client leaves."""
    head = request.index(b"\r\n\r\n") + 4
    if leave.moment == "head":
        return max(1, int(head * leave.share))
    if leave.moment == "body":
        return head + int((len(request) - head) * leave.share)
    return len(request)


async def _until_leaving(reader: asyncio.StreamReader, leave: Leave) -> None:
    if leave.moment == "waiting":
        await asyncio.sleep(leave.share * WAIT_S)
    elif leave.moment == "answer":
        await reader.read(1 + int(leave.share * 2000))
    else:
        await asyncio.sleep(0)


async def _everything(reader: asyncio.StreamReader) -> bytes:
    pieces = []
    try:
        while piece := await reader.read(2**18):
            pieces.append(piece)
    except ConnectionResetError:
        # The server closed while bytes of ours were under way. What arrived before still counts,
        # and if it is no whole answer, it is a lost one.
        pass
    return b"".join(pieces)


class _Bytes:
    """What http.client needs of a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def _parse(received: bytes, begun_s: float) -> Ending:
    ended_s = time.monotonic()
    answer = http.client.HTTPResponse(_Bytes(received))  # type: ignore[arg-type]
    try:
        answer.begin()
        body = answer.read()
    except (http.client.HTTPException, ValueError, OSError) as error:
        reason = f"{error!r}, {len(received)} bytes came: {received[:80]!r}"
        return Ending(how="lost", begun_s=begun_s, ended_s=ended_s, reason=reason)
    return Ending(
        how="answered",
        begun_s=begun_s,
        ended_s=ended_s,
        status=answer.status,
        headers={name.lower(): value for name, value in answer.getheaders()},
        body=body,
    )
