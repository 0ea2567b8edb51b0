"""What breaks inside, as clients and supervisors see it over HTTP."""

import ctypes
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from server import pipeline
from server.app import create_app
from server.codecs.decode import decode_image
from server.scheduling.cost import GraphCost
from server.service import Service
from tests.server.scheduling.engines import FAILS, KILLS, Fussy, fussy_model, throw_into
from tests.server.scheduling.simulation import DEVICE, Fixed
from tests.server.serving import (
    Gate,
    config_for,
    encoded,
    gated_model,
    plain,
    wait_until,
    wait_until_loaded,
)


class House:
    """A server with an engine that does as it is told, and clients that ask at the same time."""

    def __init__(self, client: TestClient, service: Service, engine: Fussy) -> None:
        self.client, self.service, self.engine = client, service, engine
        self.pool = ThreadPoolExecutor(8)

    def ask(self, level: int, side: int = 5) -> "Future[Any]":
        image = encoded(plain(side, side, (level, level, level)))
        return self.pool.submit(self.client.post, "/v1/predict", content=image)

    def right(self, answer: Any, level: int) -> bool:
        return bool(answer.status_code == 200 and answer.json()["depth"]["median"] == level)

    def probes(self) -> tuple[int, int]:
        return self.client.get("/livez").status_code, self.client.get("/readyz").status_code

    def reason(self, probe: str = "/livez") -> str:
        return str(self.client.get(probe).json()["reason"])

    def count(self, metric: str) -> float:
        lines = self.client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(metric))


@contextmanager
def house(folder: Path, cost: GraphCost | None = None, **changes: Any) -> Iterator[House]:
    model, engine = fussy_model(folder)
    service = Service(config_for(folder, **changes), load=lambda: model)
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        wait_until_loaded(service)
        if cost is not None:
            service.open_model().worker.engine.cost.graphs = {
                "frame": Fixed(cost),
                "flow": Fixed(cost),
            }
        one = House(client, service, engine)
        try:
            yield one
        finally:
            one.pool.shutdown()


def holding(engine: Fussy) -> tuple[threading.Event, Callable[[], None]]:
    """Stop the next call in the engine: (it is there, let it go on)."""
    held, go_on = threading.Event(), threading.Event()

    def wait() -> bool:
        held.set()
        return go_on.wait(20)

    engine.before = wait
    return held, go_on.set


@pytest.mark.parametrize("culprit", [FAILS, KILLS])
def test_of_a_batch_the_culprit_alone_is_500_and_the_others_are_right(
    folder: Path, culprit: int
) -> None:
    with house(folder, DEVICE, max_batch_wait_s=0.0) as one:
        held, go_on = holding(one.engine)
        first = one.ask(20)
        assert held.wait(10)
        levels = [30, 40, culprit, 50, 60]
        asked = [one.ask(level) for level in levels]
        worker = one.service.open_model().worker
        wait_until(lambda: worker.num_waiting == len(levels))  # they will share a batch
        go_on()
        assert one.right(first.result(20), 20)
        for level, future in zip(levels, asked, strict=True):
            answer = future.result(20)
            if level == culprit:
                assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
                assert "does not answer" not in answer.text  # the engine's own words
            else:
                assert one.right(answer, level)
        wait_until(lambda: one.probes() == (200, 200))
        restarts = one.count("anyres_engine_restarts_total")
        assert restarts == (2 if culprit == KILLS else 0)  # with the batch, and alone
        assert one.right(one.ask(70).result(20), 70)


def test_when_the_engines_thread_dies_who_waits_is_answered_and_readiness_comes_back(
    folder: Path,
) -> None:
    with house(folder, max_batch=1) as one:
        held, go_on = holding(one.engine)
        running = one.ask(20)
        assert held.wait(10)
        waiting = [one.ask(level) for level in (30, 40)]
        worker = one.service.open_model().worker
        wait_until(lambda: worker.num_waiting == 2)
        throw_into(worker, SystemExit)
        go_on()
        assert running.result(20).status_code == 500
        for level, future in zip((30, 40), waiting, strict=True):
            assert one.right(future.result(20), level)
        wait_until(lambda: one.probes() == (200, 200))
        assert one.count("anyres_engine_restarts_total") == 1


def test_while_no_thread_of_the_engine_lives_the_server_is_not_ready(folder: Path) -> None:
    with house(folder) as one:
        worker = one.service.open_model().worker
        restart, may_begin = worker._threads._begin, threading.Event()

        def begin_later(slot: int, *, replaces: bool) -> None:
            assert may_begin.wait(20)
            restart(slot, replaces=replaces)

        worker._threads._begin = begin_later  # type: ignore[method-assign]
        throw_into(worker, SystemExit)
        wait_until(lambda: one.probes() == (200, 503))
        assert one.reason("/readyz") == "an engine's thread has ended"
        assert one.count("anyres_ready ") == 0
        late = one.ask(30)  # it waits: the thread will be back
        wait_until(lambda: worker.num_waiting == 1)
        may_begin.set()
        assert one.right(late.result(20), 30)
        assert one.probes() == (200, 200)


def test_a_device_that_stays_broken_fails_liveness_and_one_that_comes_back_does_not(
    folder: Path,
) -> None:
    with house(folder) as one:
        one.engine.is_broken = True
        assert [one.ask(30).result(20).status_code for _ in range(3)] == [500] * 3
        wait_until(lambda: one.probes() == (503, 503))
        assert "the device does not answer" in one.reason()
        assert one.count("anyres_model_up") == 0
        one.engine.is_broken = False
        wait_until(lambda: one.probes() == (200, 200))  # it was asked again meanwhile
        assert one.right(one.ask(30).result(20), 30)


def test_one_image_sent_over_and_over_breaks_no_device(folder: Path) -> None:
    with house(folder) as one:
        assert [one.ask(FAILS).result(20).status_code for _ in range(6)] == [500] * 6
        assert one.probes() == (200, 200)


def test_an_engine_that_hangs_fails_liveness(folder: Path, gate: Gate) -> None:
    config = config_for(folder, engine_hang_s=0.2)
    service = Service(config, load=lambda: gated_model(folder, gate))
    with TestClient(create_app(service)) as client, ThreadPoolExecutor(1) as pool:
        wait_until_loaded(service)
        assert client.get("/livez").status_code == 200
        image = encoded(plain(5, 5, (30, 30, 30)))
        stuck = pool.submit(client.post, "/v1/predict", content=image)
        assert gate.entered.wait(10)
        wait_until(lambda: client.get("/livez").status_code == 503)
        assert "it hangs" in client.get("/livez").json()["reason"]
        assert "it hangs" in client.get("/readyz").json()["reason"]
        gate.open.set()  # it was only slow, after all
        assert stuck.result(10).status_code == 200
        assert client.get("/livez").status_code == client.get("/readyz").status_code == 200


def test_an_engine_that_is_expected_to_be_slow_does_not_hang(folder: Path, gate: Gate) -> None:
    config = config_for(folder, engine_hang_s=0.001)
    service = Service(config, load=lambda: gated_model(folder, gate))
    with TestClient(create_app(service)) as client, ThreadPoolExecutor(1) as pool:
        wait_until_loaded(service)
        slow = Fixed(GraphCost(s_per_mpx=0.0, s_per_image=50.0, s_per_call=0.0))
        service.open_model().worker.engine.cost.graphs = {"frame": slow, "flow": slow}
        image = encoded(plain(5, 5, (30, 30, 30)))
        running = pool.submit(client.post, "/v1/predict", content=image)
        assert gate.entered.wait(10)
        assert client.get("/livez").status_code == 200  # ten times 50 s are not over
        gate.open.set()
        assert running.result(10).status_code == 200


def threads_named(prefix: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(prefix)]


def test_decoders_that_are_killed_are_replaced_and_nobody_notices(folder: Path) -> None:
    before = set(threads_named("decode_"))
    with house(folder) as one:
        for death in range(3):
            mine = [thread for thread in threads_named("decode_") if thread not in before]
            for thread in mine:
                ident = ctypes.c_ulong(thread.ident or 0)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(SystemExit))
            for level in (30 + death, 40, 50):
                assert one.right(one.ask(level).result(20), level)
            assert one.probes() == (200, 200)
        assert one.service.decoders.num_deaths > 0
        assert one.count("anyres_codec_restarts_total") == one.service.decoders.num_deaths


@pytest.mark.parametrize("times", [1, 2])
def test_a_decoder_that_dies_over_an_image_tries_once_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    deaths = [SystemExit()] * times

    def deadly(data: bytes, **options: Any) -> Any:
        if len(data) == len(poison) and deaths:
            raise deaths.pop()
        return decode_image(data, **options)

    poison = encoded(plain(9, 9, (70, 70, 70))) + b"poison"
    monkeypatch.setattr(pipeline, "decode_image", deadly)
    with house(folder) as one:
        other = one.ask(30)
        answer = one.client.post("/v1/predict", content=poison)
        assert answer.status_code == (200 if times == 1 else 500), answer.text
        if times == 2:
            assert "do not send it again" in answer.json()["error"]["message"]
        assert one.right(other.result(20), 30)
        assert one.right(one.ask(40).result(20), 40)
        assert one.probes() == (200, 200)
