"""gzip and deflate of answers."""

import gzip
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.kserve.compression import (
    accepted_encoding,
    deflate_if_it_pays,
)

PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}
UNPACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "deflate": zlib.decompress}


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


@pytest.mark.parametrize("encoding", UNPACK)
def test_what_shrinks_is_compressed(encoding: str) -> None:
    body = b"labels " * 100_000
    compressed = deflate_if_it_pays((body[:10], memoryview(body)[10:]), encoding)
    assert compressed is not None
    assert len(compressed) < len(body) / 10
    assert UNPACK[encoding](compressed) == body
    assert deflate_if_it_pays((b"labels" * 100,), encoding) is None
