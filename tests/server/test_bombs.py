"""Images that are far larger than their files, sent over real sockets."""

from pathlib import Path

import pytest

from server.service import Service
from tests.server.codecs.webp_files import animated, extended, lossless
from tests.server.raw_http import Answer, connect, read_answer
from tests.server.serving import config_for, encoded, listening, plain, post_head

IHDR = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + (30_000).to_bytes(4, "big") * 2 + b"\x08\2"
BOMBS = {
    "PNG": IHDR + bytes(40),
    "WebP": lossless(16_383, 16_383) + bytes(40),
    "WebP canvas": extended(2**24, 2**24) + bytes(40),
    "animated WebP": animated(65_536, 65_536),
}


def assert_too_many_pixels(answer: Answer) -> None:
    assert (answer.status, answer.code) == (413, "too_many_pixels")
    assert "this server takes at most 4.0 Mpx" in answer.message


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_by_its_first_bytes_while_the_rest_is_still_to_come(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(config_for(folder))
    monkeypatch.setattr(service.decoders, "submit", lambda *_: pytest.fail("it was decoded"))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(post_head(60_000_000) + BOMBS[name][:64])
        assert_too_many_pixels(read_answer(connection))  # of 60 MB 64 bytes came


def test_a_jpeg_bomb_is_refused_as_soon_as_its_size_has_come(folder: Path) -> None:
    usual = encoded(plain(16, 16, (1, 2, 3)), "JPEG", exif=b"Exif\0\0" + bytes(60_000))
    at = usual.index(b"\xff\xc0")
    bomb = usual[: at + 5] + b"\xff\xdc\xff\xdc" + usual[at + 9 :]
    service = Service(config_for(folder))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(post_head(60_000_000) + bomb.ljust(64 * 2**10, b"\0"))
        assert_too_many_pixels(read_answer(connection))


def peak_kib() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def test_bombs_by_the_dozen_leave_the_memory_as_it_was(folder: Path) -> None:
    service = Service(config_for(folder))
    before_kib = 0
    with listening(service) as port, connect(port) as connection:
        for number in range(25):
            for bomb in BOMBS.values():
                connection.sendall(post_head(len(bomb)) + bomb)
                assert read_answer(connection).status == 413
            if number == 1:  # whatever is imported or cached first
                before_kib = peak_kib()
    assert peak_kib() - before_kib < 20 * 2**10  # the pixels of one would be 800 MB or more
