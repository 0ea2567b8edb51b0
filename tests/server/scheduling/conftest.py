"""Workers that end with their test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.loading.loaded_model import LoadedModel
from server.scheduling.cost import GraphCost
from server.scheduling.worker import Worker, WorkerPolicy
from tests.server.scheduling.engines import (
    Counting,
)
from tests.server.scheduling.jobs import (
    ONE_BY_ONE,
    Start,
)
from tests.server.scheduling.memories import Machine
from tests.server.scheduling.simulation import Fixed
from tests.server.serving import Gate, gated_model, wait_until


@pytest.fixture
def watch() -> Counting:
    return Counting()


@pytest.fixture
def machine() -> Machine:
    """Whose memory all workers of a test share."""
    return Machine()


@pytest.fixture
def start(watch: Counting, gate: Gate, machine: Machine) -> Iterator[Start]:
    """Start a worker with a model; all of them end with the test."""
    workers: list[Worker] = []

    def start(
        model: LoadedModel, policy: WorkerPolicy = ONE_BY_ONE, cost: GraphCost | None = None
    ) -> Worker:
        worker = Worker(
            lambda: model,
            on_loaded=lambda _: None,
            on_failed=pytest.fail,
            policy=policy,
            watch=watch,
            memory=machine.memory,
        )
        workers.append(worker)
        if cost is not None:
            worker.engine.cost.graphs = {"frame": Fixed(cost), "flow": Fixed(cost)}
        worker.start()
        wait_until(lambda: worker.is_ready)
        return worker

    yield start
    gate.open.set()
    for worker in workers:
        worker.stop(timeout_s=10.0)
        assert not worker.is_alive


@pytest.fixture
def gated(start: Start, folder: Path, gate: Gate) -> Worker:
    return start(gated_model(folder, gate))
