"""The bundle that we ship answers, through HTTP, from one pixel up."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.config import ServerConfig
from server.service import Service
from tests.server.serving import encoded, wait_until_loaded

STREET = Path(__file__).parents[2] / "models" / "bundles" / "street"


@pytest.fixture(scope="module")
def street() -> Iterator[TestClient]:
    service = Service(ServerConfig(bundle=STREET, threads=1, calibrate_s=0.0))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        assert service.failure is None
        yield client


@pytest.mark.parametrize("size", [(1, 1), (33, 50), (128, 96)])
def test_a_pair_of_any_size_gets_every_map(street: TestClient, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(2)]
    files = {"image": encoded(frames[0]), "next_image": encoded(frames[1])}
    body = street.post("/v1/predict", files=files).json()
    assert body["image"]["size"] == list(size)
    assert sum(one["area"] for one in body["segmentation"]["classes"]) == pytest.approx(1)
    assert body["depth"]["known"] == body["flow"]["known"] == 1
