"""A server with the toy bundle, in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.scheduling.crew import Crew
from server.service import Service
from tests.server.serving import Gate, config_for, wait_until_loaded
from tests.toy_bundle import write_toy_bundle


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_toy_bundle(folder)
    return folder


@pytest.fixture(scope="session")
def service(folder: Path) -> Service:
    return Service(config_for(folder))


@pytest.fixture(scope="session")
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        wait_until_loaded(service)
        yield client


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()  # whatever happened, nobody waits behind it


@pytest.fixture(autouse=True)
def no_crew_outlives_its_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Many tests make a service without starting it; its threads would wait for ever."""
    hired: list[Crew] = []
    begin = Crew.__init__

    def remember(crew: Crew, num_threads: int, *, name: str) -> None:
        begin(crew, num_threads, name=name)
        hired.append(crew)

    monkeypatch.setattr(Crew, "__init__", remember)
    yield
    for crew in hired:
        crew.shutdown()
