"""Bodies that are compressed, and those that only say so."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.service import Service
from tests.server.serving import config_for, encoded, plain, wait_until_loaded

IMAGE = encoded(plain(4, 4, (1, 2, 3)))
GZIP = {"Content-Encoding": "gzip"}
LIMIT = 100_000


@pytest.fixture(scope="module")
def inflating(folder: Path) -> Iterator[tuple[TestClient, Service]]:
    service = Service(config_for(folder, inflate_bodies=True, max_body_bytes=LIMIT))
    with TestClient(create_app(service)) as client:
        wait_until_loaded(service)
        yield client, service


def test_compression_is_refused_unless_it_is_enabled(client: TestClient) -> None:
    answer = client.post("/v1/predict", content=gzip.compress(IMAGE), headers=GZIP)
    assert (answer.status_code, answer.headers["Accept-Encoding"]) == (415, "identity")
    assert answer.json()["error"]["code"] == "unsupported_encoding"
    plain_ = client.post("/v1/predict", content=IMAGE, headers={"Content-Encoding": "identity"})
    assert plain_.status_code == 200


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(IMAGE)),
        (" X-GZIP ", gzip.compress(IMAGE)),
        ("deflate", zlib.compress(IMAGE)),
    ],
)
def test_an_enabled_body_is_inflated(
    inflating: tuple[TestClient, Service], encoding: str, body: bytes
) -> None:
    client, _ = inflating
    answer = client.post("/v1/predict", content=body, headers={"Content-Encoding": encoding})
    assert answer.json()["image"]["size"] == [4, 4]


@pytest.mark.parametrize("encoding", ["x-deflate", "br", "gzip, gzip", "zstd"])
def test_other_encodings_are_refused_all_the_same(
    inflating: tuple[TestClient, Service], encoding: str
) -> None:
    client, _ = inflating
    answer = client.post("/v1/predict", content=b"x", headers={"Content-Encoding": encoding})
    assert (answer.status_code, answer.headers["Accept-Encoding"]) == (
        415,
        "gzip, deflate, identity",
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (IMAGE, "no gzip stream"),
        (zlib.compress(IMAGE), "no gzip stream"),
        (gzip.compress(IMAGE)[:-4], "ends too early"),
        (gzip.compress(IMAGE)[:-8] + bytes(8), "no gzip stream"),  # its checksum is wrong
        (gzip.compress(IMAGE) + b"x", "bytes follow"),
        (b"", "ends too early"),
    ],
)
def test_a_broken_stream_is_400(
    inflating: tuple[TestClient, Service], body: bytes, message: str
) -> None:
    client, _ = inflating
    answer = client.post("/v1/predict", content=body, headers=GZIP)
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]


def test_a_bomb_is_413_after_its_first_byte_too_many(
    inflating: tuple[TestClient, Service],
) -> None:
    client, service = inflating
    bomb = gzip.compress(IMAGE + bytes(50_000_000))
    assert len(bomb) < LIMIT
    answer = client.post("/v1/predict", content=bomb, headers=GZIP)
    assert answer.status_code == 413
    # 64 KiB come out at a time: two are needed to pass 100,000.
    assert "inflate to 131072 and more" in answer.json()["error"]["message"]
    assert service.arriving.num_bytes == 0


def test_exactly_the_limit_is_let_in(inflating: tuple[TestClient, Service]) -> None:
    client, _ = inflating
    body = gzip.compress(b"\x00" * LIMIT)
    answer = client.post("/v1/predict", content=body, headers=GZIP)
    assert answer.json()["error"]["code"] == "unsupported_image"
