"""One library or the other: the same bytes come back."""

import sys
import zlib

import numpy as np
import pytest

from server.codecs.deflate import find_deflater

DATA = np.random.default_rng(0).integers(0, 9, 5000, dtype=np.uint8).tobytes()


@pytest.mark.parametrize("has_isal", [True, False])
def test_with_and_without_isal_zlib_reads_it_back(
    monkeypatch: pytest.MonkeyPatch, has_isal: bool
) -> None:
    if not has_isal:
        monkeypatch.setitem(sys.modules, "isal", None)
    deflate, crc32, compressor = find_deflater()
    packed = deflate(memoryview(DATA))
    assert len(packed) < len(DATA) / 2
    assert zlib.decompress(packed) == DATA
    assert crc32(DATA[100:], crc32(DATA[:100], 0)) == zlib.crc32(DATA)
    for window_bits in (15, 31):
        stream = compressor(window_bits)
        pieces = [stream.compress(DATA[:100]), stream.compress(memoryview(DATA)[100:])]
        assert zlib.decompress(b"".join([*pieces, stream.flush()]), window_bits) == DATA
