"""Two ways to ask: clients that wait for their answer, and arrivals that wait for nobody."""

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from server.bench.outcome import Outcome
from server.bench.traffic import Shot

if TYPE_CHECKING:  # it needs aiohttp, which not everybody has who asks for --help
    from server.bench.client import Client


@dataclass(frozen=True, kw_only=True)
class Leaving:
    """Clients that do not wait for their answer."""

    share: float = 0.0
    within_s: float = 1.0
    """They leave at a moment between 0 and this, each as likely as the next."""

    def draw(self, rng: np.random.Generator) -> float | None:
        """When the next client leaves, in seconds after it has sent; None if it stays."""
        leaves, after_s = rng.random() < self.share, rng.uniform(0, self.within_s)
        return after_s if leaves else None


STAYING = Leaving()


async def closed_loop(
    client: "Client",
    deck: Sequence[Shot],
    *,
    num_clients: int,
    duration_s: float,
    seed: int,
    leaving: Leaving = STAYING,
) -> list[Outcome]:
    """Each client sends its next request when the last is answered: what a server can do at most.

    Its latencies flatter a server that stalls, since nobody asks meanwhile: see `open_loop`.
    """
    shots = itertools.cycle(deck)
    rng = np.random.default_rng(seed)
    end_s = time.monotonic() + duration_s

    async def one() -> list[Outcome]:
        outcomes = []
        async with client.stream() as stream_id:
            while (now_s := time.monotonic()) < end_s:
                outcome = await client.send(
                    next(shots),
                    due_s=now_s,
                    hang_up_after_s=leaving.draw(rng),
                    stream_id=stream_id,
                )
                outcomes.append(outcome)
                if outcome.status == 429:  # a closed loop of refusals would only burn its time
                    await asyncio.sleep(0.05)
        return outcomes

    each = await asyncio.gather(*(one() for _ in range(num_clients)))
    return [outcome for outcomes in each for outcome in outcomes]


async def open_loop(
    client: "Client",
    deck: Sequence[Shot],
    *,
    rate: float,
    duration_s: float,
    seed: int,
    leaving: Leaving = STAYING,
) -> list[Outcome]:
    """Poisson arrivals at `rate` per second, whatever the server does with them."""
    rng = np.random.default_rng(seed)
    shots = itertools.cycle(deck)
    begun_s = time.monotonic()
    under_way: list[asyncio.Task[Outcome]] = []
    for offset_s in arrivals(rng, rate=rate, duration_s=duration_s):
        due_s = begun_s + offset_s
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        work = client.send(next(shots), due_s=due_s, hang_up_after_s=leaving.draw(rng))
        under_way.append(asyncio.create_task(work))
    return list(await asyncio.gather(*under_way))


def arrivals(rng: np.random.Generator, *, rate: float, duration_s: float) -> Iterator[float]:
    """Moments from 0 to the end with exponential gaps of mean 1 / rate."""
    at_s = rng.exponential(1 / rate)
    while at_s < duration_s:
        yield float(at_s)
        at_s += rng.exponential(1 / rate)


async def one_by_one(client: "Client", deck: Sequence[Shot], *, limit_s: float) -> list[Outcome]:
    """The first shot of each size twice, alone: what a new shape costs, and what it costs then."""
    outcomes: list[Outcome] = []
    seen: set[tuple[int, int]] = set()
    end_s = time.monotonic() + limit_s
    async with client.stream() as stream_id:
        for shot in deck:
            if shot.picture.size in seen or time.monotonic() > end_s:
                continue
            seen.add(shot.picture.size)
            for _ in range(2):
                due_s = time.monotonic()
                outcomes.append(await client.send(shot, due_s=due_s, stream_id=stream_id))
    return outcomes
