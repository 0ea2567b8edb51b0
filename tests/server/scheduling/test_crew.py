import ctypes
import threading
from collections.abc import Iterator

import pytest

from server.errors import Draining, ServerError
from server.scheduling.crew import Crew
from tests.server.serving import wait_until


class Death(BaseException):
    """Not an Exception: it ends a thread."""


@pytest.fixture
def crew() -> Iterator[Crew]:
    crew = Crew(2, name="test")
    yield crew
    crew.shutdown(cancel_futures=True)


def test_work_is_done_and_its_errors_are_the_callers(crew: Crew) -> None:
    assert crew.submit(divmod, 7, 2).result(10) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        crew.submit(divmod, 7, 0).result(10)
    assert crew.num_deaths == 0


def test_more_work_than_threads_waits_its_turn(crew: Crew) -> None:
    futures = [crew.submit(pow, i, 2) for i in range(200)]
    assert [future.result(10) for future in futures] == [i * i for i in range(200)]


def test_work_whose_thread_died_is_done_by_the_next_one(crew: Crew) -> None:
    deaths = [Death()]

    def once_deadly() -> str:
        if deaths:
            raise deaths.pop()
        return "done"

    assert crew.submit(once_deadly).result(10) == "done"
    assert crew.num_deaths == 1


@pytest.mark.parametrize("kind", [Death, SystemExit, KeyboardInterrupt])
def test_work_that_kills_every_thread_fails_alone(crew: Crew, kind: type[BaseException]) -> None:
    def deadly() -> None:
        raise kind

    futures = [crew.submit(deadly) for _ in range(4)]
    for future in futures:
        with pytest.raises(ServerError, match="ended 2 threads"):
            future.result(10)
    assert crew.submit(divmod, 7, 2).result(10) == (3, 1)
    assert crew.num_deaths == 8


def test_a_thread_that_is_killed_while_it_waits_loses_nothing() -> None:
    crew = Crew(1, name="lone")

    def alive() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "lone_0"]

    for death in range(1, 11):
        wait_until(lambda: len(alive()) == 1)  # the last one has passed away
        ident = ctypes.c_ulong(alive()[0].ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(Death))
        futures = [crew.submit(pow, i, 2) for i in range(6)]
        assert [future.result(10) for future in futures] == [i * i for i in range(6)]
        assert crew.num_deaths == death
    crew.shutdown()


def test_work_that_was_cancelled_while_it_waited_is_not_done() -> None:
    crew = Crew(1, name="test")
    gate = threading.Event()
    done: list[int] = []
    running = crew.submit(gate.wait, 10)
    waiting = crew.submit(done.append, 1)
    assert waiting.cancel()
    gate.set()
    assert running.result(10)
    assert crew.submit(len, done).result(10) == 0
    crew.shutdown()


def test_a_closed_crew_takes_nothing_and_its_threads_end() -> None:
    crew = Crew(2, name="closing")
    assert crew.submit(len, "ab").result(10) == 2
    crew.shutdown(wait=False, cancel_futures=True)
    with pytest.raises(Draining):
        crew.submit(len, "ab").result(10)
    wait_until(lambda: not any(t.name.startswith("closing") for t in threading.enumerate()))
