"""A server with the toy bundle, in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.app import create_app
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
