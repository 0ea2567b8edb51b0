"""gzip and deflate of bodies."""

import gzip
import sys
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import BodyTooLarge, MalformedBody, UnsupportedBody
from server.kserve.compression import (
    accepted_encoding,
    deflate_if_it_pays,
    inflate,
    request_encoding,
)

PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}
UNPACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "deflate": zlib.decompress}


@pytest.mark.parametrize("encoding", PACK)
@given(body=st.binary(max_size=300), spare=st.integers(0, 3))
def test_what_was_packed_comes_out_again(encoding: str, body: bytes, spare: int) -> None:
    assert inflate(PACK[encoding](body), encoding, max_bytes=len(body) + spare) == body


@pytest.mark.parametrize("encoding", PACK)
def test_a_bomb_is_refused_without_being_held(encoding: str) -> None:
    bomb = PACK[encoding](bytes(8 * 2**20))
    assert len(inflate(bomb, encoding, max_bytes=8 * 2**20)) == 8 * 2**20
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge, match="inflates to more than 1000 bytes"):
            inflate(bomb, encoding, max_bytes=1000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "ends too early"),
        (gzip.compress(b"abc")[:-1], "ends too early"),
        (gzip.compress(b"abc") + b"x", "goes on after its end"),
        (gzip.compress(b"abc") * 2, "goes on after its end"),
        (b"plain text", "the body is not gzip"),
        (zlib.compress(b"abc"), "the body is not gzip"),
    ],
)
def test_a_broken_body_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(MalformedBody, match=message):
        inflate(body, "gzip", max_bytes=100)


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        (None, None),
        ("identity", None),
        ("gzip", "gzip"),
        (" GZIP ", "gzip"),
        ("deflate", "deflate"),
    ],
)
def test_content_encodings_that_are_known(header: str | None, encoding: str | None) -> None:
    assert request_encoding(header, allowed=True) == encoding


@pytest.mark.parametrize("header", ["br", "gzip, gzip", "zstd", "x"])
def test_others_are_refused(header: str) -> None:
    with pytest.raises(UnsupportedBody, match="expected gzip or deflate"):
        request_encoding(header, allowed=True)
    with pytest.raises(UnsupportedBody, match="--inflate-bodies"):
        request_encoding(header, allowed=False)


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "gzip"),
        ("deflate;q=0.9, gzip;q=0.8", "deflate"),
        ("*;q=0.1, gzip;q=0", "deflate"),
        ("gzip;q=0.5, identity", None),
        ("br", None),
        ("gzip;q=x", None),
        ("gzip;q=nan", None),
        (";;,=,q=1", None),
    ],
)
def test_accept_encoding_is_followed(header: str, encoding: str | None) -> None:
    assert accepted_encoding(header) == encoding


@given(st.text(alphabet="gzipdeflat*;,=q.01 ", max_size=40))
def test_any_accept_encoding_has_an_answer(header: str) -> None:
    assert accepted_encoding(header) in (None, "gzip", "deflate")


@pytest.mark.parametrize("encoding", PACK)
@pytest.mark.parametrize("has_isal", [True, False])
def test_what_shrinks_is_compressed_with_or_without_isal(
    encoding: str, has_isal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_isal:
        monkeypatch.setitem(sys.modules, "isal", None)
    body = b"labels " * 100_000
    compressed = deflate_if_it_pays(body, encoding)
    assert compressed is not None
    assert len(compressed) < len(body) / 10
    assert UNPACK[encoding](compressed) == body
    assert deflate_if_it_pays(b"labels" * 100, encoding) is None
