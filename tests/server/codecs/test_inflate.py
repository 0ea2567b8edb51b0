"""What was compressed comes out again, a bounded piece at a time."""

import gzip
import zlib
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.codecs.inflate import PIECE_BYTES, Inflater
from server.errors import MalformedBody

PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


def inflate(pieces: Iterable[bytes], encoding: str) -> bytes:
    inflater = Inflater(encoding)
    body = b"".join(part for piece in pieces for part in inflater.feed(piece))
    inflater.close()
    return body


@pytest.mark.parametrize("encoding", PACK)
@given(body=st.binary(max_size=300), cut=st.integers(0, 300))
def test_what_was_packed_comes_out_again(encoding: str, body: bytes, cut: int) -> None:
    packed = PACK[encoding](body)
    assert inflate((packed[:cut], packed[cut:]), encoding) == body


@pytest.mark.parametrize("encoding", PACK)
def test_a_bomb_comes_out_in_small_pieces_that_one_can_stop_to_take(encoding: str) -> None:
    parts = Inflater(encoding).feed(PACK[encoding](bytes(8 * 2**20)))
    assert [len(next(parts)) for _ in range(3)] == [PIECE_BYTES] * 3
    packed = PACK[encoding](bytes(8 * 2**20))
    one_by_one = (packed[at : at + 1] for at in range(len(packed)))
    assert inflate(one_by_one, encoding) == bytes(8 * 2**20)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "ends too early"),
        (gzip.compress(b"abc")[:-1], "ends too early"),
        (gzip.compress(b"abc") + b"x", "bytes follow the gzip stream"),
        (gzip.compress(b"abc") * 2, "bytes follow the gzip stream"),
        (gzip.compress(b"abc")[:-8] + bytes(8), "no gzip stream"),  # its checksum is wrong
        (b"plain text", "no gzip stream"),
        (zlib.compress(b"abc"), "no gzip stream"),
    ],
)
def test_a_broken_stream_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(MalformedBody, match=message):
        inflate([body], "gzip")
