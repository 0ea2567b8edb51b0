"""Twice as much as a server can do, with everything that clients do wrong, and workers that die.

What must hold: every request ends in one documented way, every answer is the right one, every
refusal has its code, and in the end nobody is left in the house and memory is what it was.
"""

import asyncio
import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.soak.caller import Ending, call
from tests.soak.cases import Case, Form, draw_hand
from tests.soak.findings import FLAT, Finding, Tally
from tests.soak.garbage import Garbage
from tests.soak.judge import Judge
from tests.soak.patient import Patient, patient
from tests.soak.plan import Planned, plan
from tests.soak.truth import TRUE_ENGINE, open_engine, true_maps, wrong_maps

CLIENTS = 8  # that wait for their answers, to measure the capacity
OVERLOAD = 2.0
PATIENCE_S = 45.0  # longer than any deadline of the server: who waits so long has been lost
RECOVERY_S = 15.0
FAULTS = ("kill engine", "kill decode", "fail engine", "kill encode")
FORMS: tuple[Form, ...] = ("json", "inline", "zip", "npz", "png", "colour", "jpeg")
LIMITS = ("--max-mpx", "4", "--max-queue", "32", "--timeout-s", "20", "--body-timeout-s", "5")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How much of it."""

    title: str
    bundle: Path
    engine: str = TRUE_ENGINE
    num_requests: int
    num_cases: int
    num_parts: int
    """After each the server rests until it is empty, and its memory is read."""
    num_faults: int
    largest_px: int
    """Longest side of most images."""
    capacity_s: float
    """How long the capacity is measured."""
    limit_s: float
    """Nothing is sent after so long."""
    seed: int


def soak(settings: Settings, log: Path) -> Tally:
    """Run it on a server of its own, whose log goes to a file."""
    with patient(settings.bundle, log, LIMITS, engine=settings.engine) as server:
        run = Soak(settings, server)
        tally = asyncio.run(run.run())
        code = server.stop()
        if code != 0:
            tally.findings.append(Finding(what=f"SIGTERM ended with code {code}, expected 0"))
    return tally


class Soak:
    """One run against one server."""

    def __init__(self, settings: Settings, server: Patient) -> None:
        self._settings = settings
        self._server = server
        self._judge = Judge(alone={})
        self.hand: list[Case] = []
        self._refused = 0
        title = f"{settings.title}-{settings.engine}"
        self.tally = Tally(title=title, num_planned=settings.num_requests)

    async def run(self) -> Tally:
        """Everything, in order."""
        settings, tally = self._settings, self.tally
        end_s = time.monotonic() + settings.limit_s
        begun_s = time.monotonic()
        self.hand = await self._learn()
        tally.capacity_per_s = await self._capacity()
        tally.rate_per_s = OVERLOAD * tally.capacity_per_s
        faults = itertools.cycle(FAULTS)
        parts = np.array_split(np.arange(settings.num_requests), settings.num_parts)
        hurt = np.linspace(0, settings.num_parts - 1, settings.num_faults).astype(int).tolist()
        for number, part in enumerate(parts):
            if time.monotonic() > end_s:
                tally.stopped = f"the limit of {settings.limit_s:g} s was reached"
                break
            now = [next(faults) for _ in range(hurt.count(number))]
            await self._part([int(index) for index in part], now)
            await self._rest()
            self._keep_it_busy()
        tally.duration_s = time.monotonic() - begun_s
        self._check_memory()
        if tally.num_sent == 0:
            self._found("nothing was sent before the limit: allow more time")
        return tally

    async def once(self, index: int) -> Ending:
        """One planned request alone: to repeat a finding."""
        self.hand = await self._learn()
        planned = plan(index, hand=self.hand, seed=self._settings.seed)
        ending = await self._send(planned, due_s=time.monotonic())
        return ending

    async def _learn(self) -> list[Case]:
        """The hand, and the answer of each of its cases by an idle server, checked by the truth."""
        settings = self._settings
        forms = FORMS
        if await self._knows_mixed():
            forms = (*FORMS, "mixed")
        hand = draw_hand(
            num_cases=settings.num_cases,
            forms=forms,
            largest_px=settings.largest_px,
            seed=settings.seed,
        )
        engine = open_engine(settings.bundle)
        for case in hand:
            arrays = await self._alone(case.everything)
            answer = await self._alone(case.request)
            self.tally.first_s.append(arrays.ended_s - arrays.begun_s)
            self.tally.again_s.append(answer.ended_s - answer.begun_s)
            reason = f"status {arrays.status} {answer.status}: {answer.body[:200]!r}"
            if arrays.status == answer.status == 200:
                maps = await asyncio.to_thread(true_maps, engine, case)
                reason = wrong_maps(arrays.body, maps, engine=settings.engine) or ""
            if reason:
                self.tally.findings.append(
                    Finding(what=f"alone: {reason}", request=case.name, repeat=self._repeat(0))
                )
            self._judge.alone[case.name] = answer
        return hand

    async def _knows_mixed(self) -> bool:
        (case,) = draw_hand(num_cases=1, forms=("mixed",), largest_px=8, seed=0)
        return (await self._alone(case.request)).status == 200

    async def _alone(self, request: bytes) -> Ending:
        return await call(self._server.port, request, leave=None, patience_s=PATIENCE_S)

    async def _capacity(self) -> float:
        """Answers per second to clients that wait for them."""
        cases = itertools.cycle(self.hand)
        begun_s = time.monotonic()
        num_answers = 0

        async def client() -> None:
            nonlocal num_answers
            while time.monotonic() - begun_s < self._settings.capacity_s:
                ending = await self._alone(next(cases).request)
                num_answers += ending.status == 200

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
        return num_answers / (time.monotonic() - begun_s)

    async def _part(self, indices: Sequence[int], faults: Sequence[str]) -> None:
        """Some of the requests, and in the middle of them the faults."""
        rng = np.random.default_rng([self._settings.seed, indices[0], 1])
        strikes = set(rng.choice(indices[len(indices) // 4 :], len(faults), replace=False).tolist())
        left = list(faults)
        under_way: list[asyncio.Task[Ending]] = []
        due_s = time.monotonic()
        for index in indices:
            due_s += rng.exponential(1 / self.tally.rate_per_s)
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            planned = plan(index, hand=self.hand, seed=self._settings.seed)
            under_way.append(asyncio.create_task(self._send(planned, due_s=due_s)))
            if index in strikes:
                await self._hurt(left.pop(0))
        await asyncio.gather(*under_way)

    def _keep_it_busy(self) -> None:
        """Raise the rate where the server had no more than it could do.

        On a machine that others use too, a capacity measured a minute ago may be far too low.
        """
        refused = sum(n for (kind, how), n in self.tally.endings.items() if _is_refusal(kind, how))
        now, self._refused = refused - self._refused, refused
        if now < 0.1 * self._settings.num_requests / self._settings.num_parts:
            self.tally.rate_per_s *= 1.5

    async def _hurt(self, fault: str) -> None:
        self._judge.killed_s.append(time.monotonic())
        answer = await asyncio.to_thread(self._server.command, fault)
        if answer == {"killed": None}:
            self.tally.findings.append(Finding(what=f"{fault}: no such thread is alive"))

    async def _send(self, planned: Planned, *, due_s: float) -> Ending:
        ending = await call(
            self._server.port, planned.request, leave=planned.leave, patience_s=PATIENCE_S
        )
        if isinstance(planned.what, Garbage):
            reason = self._judge.garbage(planned.what, ending)
        else:
            reason = self._judge.case(planned.what, ending)
            if ending.status == 200:
                self.tally.latencies.add(ending.ended_s - due_s)
        self.tally.num_sent += 1
        name = str(ending.status) if ending.how == "answered" else ending.how
        self.tally.endings[planned.kind, name] += 1
        if reason:
            self.tally.findings.append(
                Finding(what=reason, request=str(planned), repeat=self._repeat(planned.index))
            )
        return ending

    async def _rest(self) -> None:
        """Until nobody is in the house: then look at it. It must also be able to work again."""
        end_s = time.monotonic() + RECOVERY_S
        left: dict[str, float] = {}
        while time.monotonic() < end_s:
            left = await asyncio.to_thread(self._house)
            if not any(left.values()):
                break
            await asyncio.sleep(0.2)
        else:
            self._found(f"nobody waits any more, but after {RECOVERY_S:g} s there are {left}")
        answer = await self._recovered(end_s=time.monotonic() + RECOVERY_S)
        if answer.status != 200:
            self._found(
                f"{RECOVERY_S:g} s after the load a request ends with {answer.how} "
                f"{answer.status} {answer.reason}{answer.body[:200]!r}"
            )
        ready, text = await asyncio.to_thread(self._server.get, "/readyz")
        if ready != 200:
            self._found(f"/readyz says {ready} {text}")
        self.tally.states.append(await asyncio.to_thread(self._server.state))

    async def _recovered(self, *, end_s: float) -> Ending:
        """As many requests as there are workers to lose, in turns; the last that failed, if any."""
        while True:
            answers = await asyncio.gather(
                *(
                    call(self._server.port, case.request, leave=None, patience_s=RECOVERY_S)
                    for case in itertools.islice(itertools.cycle(self.hand), 4)
                )
            )
            bad = [answer for answer in answers if answer.status != 200]
            if not bad or time.monotonic() > end_s:
                return bad[0] if bad else answers[0]

    def _house(self) -> dict[str, float]:
        """Who the server counts as being inside."""
        names = ("anyres_admitted_requests", "anyres_admitted_pixels", "anyres_queue_requests")
        found = {name: self._server.metric(name) for name in names}
        return {name: count for name, count in found.items() if not math.isnan(count)}

    def _check_memory(self) -> None:
        tally = self.tally
        if len(tally.states) >= 4 and tally.drift > FLAT:
            self._found(
                f"memory moved by {100 * tally.drift:.1f} % over the second half, expected at "
                f"most {100 * FLAT:g} %"
            )
        if tally.states:
            faults = tally.states[-1].done
            if sum(faults.values()) < min(self._settings.num_faults, len(tally.states)):
                self._found(f"only these faults have struck: {faults}")

    def _found(self, what: str) -> None:
        self.tally.findings.append(Finding(what=what))

    def _repeat(self, index: int) -> str:
        return (
            f"python -m tests.soak --seed {self._settings.seed} --only {index} "
            f"--bundle {self._settings.title} --engine {self._settings.engine} "
            f"--cases {self._settings.num_cases}"
        )


def _is_refusal(kind: str, how: str) -> bool:
    """Of a well-formed request, for lack of room or time."""
    return kind == "request" and how in ("429", "504")
