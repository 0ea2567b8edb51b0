"""The client and the loops against servers that were made to misbehave."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from server.bench.client import opened
from server.bench.figures import cold_shapes, summarise
from server.bench.load import closed_loop, one_by_one, open_loop
from server.bench.traffic import Mix, make_deck, parse_sizes

DECK = make_deck(Mix(sizes=[parse_sizes("2x3")], formats=("png",)), num_shots=2, seed=0)
Handler = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def answering(handler: Handler, path: str = "/v1/predict") -> AsyncIterator[str]:
    """A server of one route on a free port."""
    app = web.Application()
    app.router.add_post(path, handler)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def test_an_open_loop_waits_for_no_answer() -> None:
    """The server answers nobody before the fifth has come: whoever waits would wait forever."""
    arrived = 0
    fifth = asyncio.Event()

    async def handler(_: web.Request) -> web.Response:
        nonlocal arrived
        arrived += 1
        if arrived == 5:
            fifth.set()
        await fifth.wait()
        return web.Response(body=b"x" * 100, headers={"Server-Timing": "infer;dur=4, queue;dur=1"})

    async def main() -> None:
        async with answering(handler) as url, opened(url) as client:
            outcomes = await open_loop(client, DECK, rate=200.0, duration_s=0.2, seed=0)
        assert len(outcomes) >= 5
        assert all(outcome.is_ok for outcome in outcomes)
        assert all(outcome.due_s <= outcome.sent_s <= outcome.ended_s for outcome in outcomes)
        figures = summarise(outcomes)
        assert figures.counts == {"200": len(outcomes)}
        assert figures.stages_s["infer"] == 0.004
        assert figures.stages_s["queue"] == 0.001

    asyncio.run(main())


def test_refusals_count_as_never_in_the_promise_but_not_in_the_latency() -> None:
    calls = 0

    async def handler(_: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        return web.Response(status=200 if calls % 2 else 429)

    async def main() -> None:
        async with answering(handler) as url, opened(url) as client:
            outcomes = await closed_loop(client, DECK, num_clients=1, duration_s=0.2, seed=0)
        figures = summarise(outcomes)
        assert set(figures.counts) == {"200", "429"}
        assert math.isinf(figures.promise_s)
        assert math.isfinite(figures.latency_s["p99"])

    asyncio.run(main())


def test_a_client_that_hangs_up_closes_its_connection_and_breaks_no_promise() -> None:
    gone = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        await request.read()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:  # what handler_cancellation makes of a disconnect
            gone.set()
            raise
        return web.Response()

    async def main() -> None:
        async with answering(handler) as url, opened(url) as client:
            outcome = await client.send(DECK[0], due_s=0.0, hang_up_after_s=0.05)
            await asyncio.wait_for(gone.wait(), 10)
        assert outcome.hung_up
        assert outcome.name == "hung up"
        assert math.isnan(summarise([outcome]).promise_s)

    asyncio.run(main())


def test_a_server_that_is_not_there_is_an_outcome_not_a_crash() -> None:
    async def main() -> None:
        async with opened("http://127.0.0.1:9") as client:
            outcome = await client.send(DECK[0], due_s=0.0)
        assert outcome.name == "ClientConnectorError"
        assert math.isinf(outcome.latency_s)

    asyncio.run(main())


def test_an_answer_that_does_not_come_in_time_is_a_failure() -> None:
    async def handler(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async def main() -> None:
        async with answering(handler) as url, opened(url, timeout_s=0.1) as client:
            outcome = await client.send(DECK[0], due_s=0.0)
        assert outcome.name == "TimeoutError"

    asyncio.run(main())


def test_each_size_is_sent_twice_alone_before_the_load() -> None:
    mix = Mix(sizes=[parse_sizes("2x3"), parse_sizes("4x4")], formats=("png",))
    deck = make_deck(mix, num_shots=8, seed=0)
    calls = 0

    async def handler(_: web.Request) -> web.Response:
        nonlocal calls
        calls += 1
        return web.Response()

    async def main() -> None:
        async with answering(handler) as url, opened(url) as client:
            found = cold_shapes(await one_by_one(client, deck, limit_s=30.0))
        assert {shape.size for shape in found} == {(2, 3), (4, 4)}
        assert calls == 4

    asyncio.run(main())


def test_no_server_is_asked_to_compress_its_answers() -> None:
    asked: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Accept-Encoding"))
        return web.Response()

    async def main() -> None:
        async with answering(handler) as url, opened(url) as client:
            await client.send(DECK[0], due_s=0.0)

    asyncio.run(main())
    assert asked == ["identity"]
