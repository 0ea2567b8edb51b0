"""Requests that must be refused, each with the status that the refusal must have."""

import functools
import gzip
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from server.bench.pictures import Picture, draw, encode
from tests.soak.cases import FORMATS, body_of, form_type, part, post

BOMB_PX = 10_000  # a side; 100 Mpx of zeros are 100 KB of PNG and 300 MB of RGB


@dataclass(frozen=True, kw_only=True)
class Garbage:
    """A request, and what it deserves."""

    name: str
    request: bytes
    statuses: frozenset[int]
    is_http: bool = True
    """False where what is sent is not HTTP: the answer is then the HTTP library's, not ours."""


def draw_garbage(rng: np.random.Generator) -> Garbage:
    """One of every kind, each as likely as the next."""
    names = sorted(KINDS)
    name = names[int(rng.integers(len(names)))]
    return KINDS[name](rng, name)


def _picture(rng: np.random.Generator, *, format_: str = "") -> Picture:
    size = (int(rng.integers(32, 100)), int(rng.integers(32, 100)))
    chosen = FORMATS[int(rng.integers(len(FORMATS)))]
    return encode(draw(rng, size), "png" if format_ == "png" else chosen)


def _refused(name: str, request: bytes, *statuses: int, is_http: bool = True) -> Garbage:
    return Garbage(name=name, request=request, statuses=frozenset(statuses), is_http=is_http)


def _truncated(rng: np.random.Generator, name: str) -> Garbage:
    picture = _picture(rng)
    # Not in the first bytes, where it is not yet an image, nor in the last, where all pixels are
    # there.
    end = int(len(picture.data) * rng.uniform(0.3, 0.8))
    return _refused(name, post("", "*/*", picture.media_type, picture.data[:end]), 400)


def _flipped(rng: np.random.Generator, name: str) -> Garbage:
    data = bytearray(_picture(rng, format_="png").data)
    at = data.index(b"IDAT") + 4 + int(rng.integers(20))
    data[at] ^= 1 << int(rng.integers(8))
    return _refused(name, post("", "*/*", "image/png", bytes(data)), 400)


def _noise(rng: np.random.Generator, name: str) -> Garbage:
    data = b"\0" + rng.bytes(int(rng.integers(1, 5000)))
    return _refused(name, post("", "*/*", "image/jpeg", data), 415)


def _html(rng: np.random.Generator, name: str) -> Garbage:
    return _refused(name, post("", "*/*", "text/html", _picture(rng).data), 415)


def _zipped(rng: np.random.Generator, name: str) -> Garbage:
    picture = _picture(rng)
    data = gzip.compress(picture.data, 1)
    return _refused(name, post("", "*/*", picture.media_type, data, "Content-Encoding: gzip"), 415)


def _gzip_bomb(rng: np.random.Generator, name: str) -> Garbage:
    del rng
    data = _zeros_in_gzip()
    return _refused(name, post("", "*/*", "image/png", data, "Content-Encoding: gzip"), 413, 415)


def _pixel_bomb(rng: np.random.Generator, name: str) -> Garbage:
    del rng
    return _refused(name, post("", "*/*", "image/png", _bomb()), 413)


def _webp_bomb(rng: np.random.Generator, name: str) -> Garbage:
    del rng
    side = (16383).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + side + side
    data = b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk + bytes(64)
    return _refused(name, post("", "*/*", "image/webp", data), 413)


def _empty(rng: np.random.Generator, name: str) -> Garbage:
    del rng
    return _refused(name, post("", "*/*", "image/png", b""), 400)


def _open_form(rng: np.random.Generator, name: str) -> Garbage:
    kind, body = body_of((_picture(rng), _picture(rng)))
    cut = len(body) - int(rng.integers(6, 200))
    return _refused(name, post("", "*/*", kind, body[:cut]), 400)


def _strange_field(rng: np.random.Generator, name: str) -> Garbage:
    body = part("file", _picture(rng).data) + b"--soak-7d1c--\r\n"
    return _refused(name, post("", "*/*", form_type(), body), 422)


def _same_field(rng: np.random.Generator, name: str) -> Garbage:
    data = _picture(rng).data
    body = part("image", data) + part("image", data) + b"--soak-7d1c--\r\n"
    return _refused(name, post("", "*/*", form_type(), body), 422)


def _no_boundary(rng: np.random.Generator, name: str) -> Garbage:
    return _refused(name, post("", "*/*", "multipart/form-data", _picture(rng).data), 400)


def _unequal_pair(rng: np.random.Generator, name: str) -> Garbage:
    images = encode(draw(rng, (40, 50)), "png"), encode(draw(rng, (50, 40)), "png")
    return _refused(name, post("?tasks=flow", "*/*", *body_of(images)), 422)


def _flow_of_one(rng: np.random.Generator, name: str) -> Garbage:
    return _refused(name, post("?tasks=flow", "*/*", *body_of((_picture(rng),))), 422)


def _unknown_option(rng: np.random.Generator, name: str) -> Garbage:
    return _refused(name, post("?taks=depth", "*/*", *body_of((_picture(rng),))), 422)


def _unknown_form(rng: np.random.Generator, name: str) -> Garbage:
    return _refused(name, post("", "application/pdf", *body_of((_picture(rng),))), 406)


def _no_time(rng: np.random.Generator, name: str) -> Garbage:
    return _refused(name, post("?timeout_ms=0.001", "*/*", *body_of((_picture(rng),))), 504)


def _too_long(rng: np.random.Generator, name: str) -> Garbage:
    request = post("", "*/*", "image/png", _picture(rng).data)
    head, _, _ = request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    return _refused(
        name, b"\r\n".join((*lines, b"Content-Length: 999999999999", b"", b"")) + b"x" * 100, 413
    )


def _wrong_method(rng: np.random.Generator, name: str) -> Garbage:
    del rng
    return _refused(
        name, b"GET /v1/predict HTTP/1.1\r\nHost: soak\r\nConnection: close\r\n\r\n", 405
    )


def _wrong_path(rng: np.random.Generator, name: str) -> Garbage:
    request = post("", "*/*", *body_of((_picture(rng),)))
    return _refused(name, request.replace(b"/v1/predict", b"/v1/../etc", 1), 404)


def _other_protocol(rng: np.random.Generator, name: str) -> Garbage:
    hello = b"\x16\x03\x01\x02\x00\x01" + rng.bytes(200) + b"\r\n\r\n"  # TLS to a plain port
    return _refused(name, hello, 400, is_http=False)


KINDS: dict[str, Callable[[np.random.Generator, str], Garbage]] = {
    "another protocol": _other_protocol,
    "a bit flipped in a PNG": _flipped,
    "a form without a boundary": _no_boundary,
    "a form without its end": _open_form,
    "a gzip bomb": _gzip_bomb,
    "a length beyond the limit": _too_long,
    "a method that is not there": _wrong_method,
    "a pair of two sizes": _unequal_pair,
    "a path that is not there": _wrong_path,
    "a pixel bomb": _pixel_bomb,
    "a strange field": _strange_field,
    "a truncated image": _truncated,
    "a web page": _html,
    "a WebP bomb": _webp_bomb,
    "an image in gzip": _zipped,
    "an option that is not there": _unknown_option,
    "an unknown form of the answer": _unknown_form,
    "flow of one image": _flow_of_one,
    "no time": _no_time,
    "noise": _noise,
    "nothing": _empty,
    "the same field twice": _same_field,
}


@functools.cache
def _bomb() -> bytes:
    """A correct grey PNG whose pixels are never to be decoded."""
    deflate = zlib.compressobj(1)
    rows = bytes((BOMB_PX + 1) * 100)
    pixels = b"".join(deflate.compress(rows) for _ in range(BOMB_PX // 100)) + deflate.flush()
    header = struct.pack(">IIBBBBB", BOMB_PX, BOMB_PX, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


@functools.cache
def _zeros_in_gzip() -> bytes:
    return gzip.compress(bytes(64 * 2**20), 1)
