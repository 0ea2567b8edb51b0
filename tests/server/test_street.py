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


def test_flow_of_what_cannot_be_known_expects_a_large_error(street: TestClient) -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (32, 48, 3), dtype=np.uint8)
    scene = coarse.repeat(4, axis=0).repeat(4, axis=1)  # 128x192: texture that can be found again
    black = np.zeros((96, 160, 3), np.uint8)
    noise = rng.integers(0, 256, (2, 96, 160, 3), dtype=np.uint8)
    pairs = {
        "moved": (scene[16:112, 19:179], scene[16:112, 16:176]),  # 3 px to the right
        "black": (black, black),
        "unrelated": (noise[0], noise[1]),
        "one pixel": (scene[:1, :1], scene[:1, 4:5]),
    }
    found = {}
    for name, (image, next_image) in pairs.items():
        files = {"image": encoded(image), "next_image": encoded(next_image)}
        found[name] = street.post("/v1/predict", files=files).json()["flow"]
    expected = {name: flow["median_uncertainty"] for name, flow in found.items()}
    assert found["moved"]["mean"] == pytest.approx([3.0, 0.0], abs=0.5)
    assert expected["moved"] < 2
    assert min(expected[name] for name in ("black", "unrelated", "one pixel")) > 8
