"""Answers in pieces: the same bytes, neither in many small portions nor in a few large ones."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from server.answers.encode import Payload
from server.http.pieces_response import GATHER_BYTES, SLICE_BYTES, PiecesResponse, parcels

NOISE = np.random.default_rng(0).integers(0, 256, 3 * SLICE_BYTES, dtype=np.uint8).data


def messages(*pieces: bytes | memoryview) -> list[MutableMapping[str, Any]]:
    """What the application says to the server."""
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError("the request has been read")

    response = PiecesResponse(Payload(content_type="x/y", pieces=pieces), headers={"A": "b"})
    asyncio.run(response({"type": "http"}, receive, send))
    return sent


def test_the_length_is_announced_and_the_last_portion_says_so() -> None:
    start, *bodies = messages(b"head", NOISE[: 2 * SLICE_BYTES], b"tail")
    assert start["status"] == 200
    assert dict(start["headers"]) == {
        b"a": b"b",
        b"content-type": b"x/y",
        b"content-length": str(2 * SLICE_BYTES + 8).encode(),
    }
    assert [body.get("more_body", False) for body in bodies] == [True, True, False]
    assert b"".join(body["body"] for body in bodies) == b"head" + NOISE[: 2 * SLICE_BYTES] + b"tail"


def test_a_small_answer_is_one_portion() -> None:
    assert [len(body["body"]) for body in messages(b"a", b"bc", b"")[1:]] == [3]
    assert [len(body["body"]) for body in messages()[1:]] == [0]


def test_a_large_piece_is_not_copied() -> None:
    first, second = parcels([NOISE[: 2 * SLICE_BYTES]])
    assert isinstance(first, memoryview)
    assert isinstance(second, memoryview)
    assert first.obj is second.obj is NOISE.obj


SIZES = st.lists(
    st.one_of(st.integers(0, 300), st.integers(0, 3 * SLICE_BYTES), st.just(GATHER_BYTES)),
    max_size=6,
)


@given(SIZES)
def test_nothing_is_lost_and_only_the_last_portion_is_small(sizes: list[int]) -> None:
    pieces = [NOISE[:size] for size in sizes]
    portions = list(parcels(pieces))
    assert b"".join(portions) == b"".join(pieces)
    assert all(len(portion) >= GATHER_BYTES for portion in portions[:-1])
    assert all(0 < len(portion) < GATHER_BYTES + SLICE_BYTES for portion in portions)
