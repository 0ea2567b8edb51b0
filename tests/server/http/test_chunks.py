"""Bodies without a length: in crumbs, in drips, in pieces that lie about themselves."""

import socket
from pathlib import Path

import pytest

from server.http.parser import FREE_CHUNKS, MIN_CHUNK_BYTES
from server.service import Service
from tests.server.raw_http import Answer, ask, chunk, connect, drip, head, read_answer
from tests.server.serving import config_for, encoded, listening, plain, post_head, wait_until

IMAGE = encoded(plain(20, 20, (40, 40, 40)))
NOISY = IMAGE[:33] + bytes(MIN_CHUNK_BYTES * 2)  # the head of an image, and no end of it
END = b"0\r\n\r\n"


def in_chunks(data: bytes, size: int) -> bytes:
    return b"".join(chunk(data[at : at + size]) for at in range(0, len(data), size))


def test_a_body_in_crumbs_is_refused_before_it_has_held_up_the_loop(folder: Path) -> None:
    service = Service(config_for(folder))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(post_head(None) + in_chunks(IMAGE[:33], 33))
        connection.sendall(chunk(b"x") * (FREE_CHUNKS + 9))
        answer = read_answer(connection)
        assert (answer.status, answer.code) == (400, "malformed_body")
        assert "expected 256 bytes in each on average: send Content-Length" in answer.message
        assert connection.recv(1) == b""
    assert service.arriving.num_bytes == service.admission.num_requests == 0


@pytest.mark.parametrize("size", [1, 16, 1000])
def test_a_small_body_may_come_in_any_pieces(folder: Path, size: int) -> None:
    assert len(IMAGE) < FREE_CHUNKS
    service = Service(config_for(folder))
    with listening(service) as port, connect(port) as connection:
        for _ in range(3):  # each body is counted by itself
            connection.sendall(post_head(None) + in_chunks(IMAGE, size) + END)
            assert read_answer(connection).status == 200


def test_a_large_body_may_come_in_pieces_of_usual_size(folder: Path) -> None:
    noise = bytes(range(256)) * (4 * FREE_CHUNKS)
    service = Service(config_for(folder, max_body_bytes=len(noise) + 99))
    with listening(service) as port:
        request = post_head(None) + in_chunks(b"\x89PNG\r\n\x1a\n" + noise, 1024) + END
        assert ask(port, request).code == "malformed_image"  # read to its end


def test_chunks_that_drip_are_408_by_an_absolute_deadline(folder: Path) -> None:
    service = Service(config_for(folder, body_timeout_s=0.3))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(post_head(None) + chunk(IMAGE[:20]))
        answer = drip(connection, lambda _: chunk(b"\0"))
    assert (answer.status, answer.code) == (408, "body_too_slow")
    assert "bytes have arrived in 0.3 s, expected the whole body" in answer.message


def test_a_chunk_that_is_never_ended_is_408_too(folder: Path) -> None:
    service = Service(config_for(folder, body_timeout_s=0.3))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(post_head(None) + b"ffffff\r\n" + IMAGE[:20])
        assert drip(connection, lambda _: b"\0").code == "body_too_slow"


def test_a_client_that_leaves_within_a_chunk_leaves_nothing_behind(folder: Path) -> None:
    service = Service(config_for(folder))
    with listening(service) as port, connect(port) as connection:
        connection.sendall(post_head(None) + b"ffffff\r\n" + IMAGE[:50])
        wait_until(lambda: service.arriving.num_bytes == 50)
        connection.shutdown(socket.SHUT_WR)
        wait_until(lambda: service.arriving.num_bytes == 0)
    assert service.admission.num_requests == 0


@pytest.mark.parametrize(
    ("framing", "status"),
    [
        (b"fffffffffffffffffffff\r\n", 400),  # 10^25 bytes are announced
        (b"-1\r\n", 400),
        (b"5 x\r\nhello\r\n", 400),
        (b"g\r\n", 400),
        (b"5\r\nhelloX\r\n", 400),
        (b"5;" + b"a" * 40_000, 431),
        (chunk(IMAGE[:40]) + b"0\r\n" + b"X-A: b\r\n" * 5000, 431),
    ],
    ids=["huge", "negative", "words", "not hex", "too long", "extension", "trailers"],
)
def test_framing_that_is_wrong_or_endless_is_refused(
    folder: Path, framing: bytes, status: int
) -> None:
    service = Service(config_for(folder))
    with listening(service) as port:
        answer = ask(port, post_head(None) + framing)
    assert answer.status == status
    assert answer.code in ("malformed_body", "head_too_large")


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: " + "9" * 5000,),
        ("Content-Length: -1",),
        ("Content-Length: +5",),
        ("Content-Length: 5, 6",),
        ("Content-Length: \u0665",),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: identity",),
    ],
)
def test_lengths_that_two_servers_could_read_in_two_ways_are_refused(
    folder: Path, lines: tuple[str, ...]
) -> None:
    service = Service(config_for(folder))
    with listening(service) as port:
        answer: Answer = ask(port, head("POST", "/v1/predict", *lines) + b"hello")
    assert (answer.status, answer.code) == (400, "malformed_body")


def test_chunked_wins_over_a_length_and_ends_the_connection(folder: Path) -> None:
    """What an older proxy would take for a second request is not one."""
    smuggled = head("GET", "/metrics")
    service = Service(config_for(folder))
    with listening(service) as port, connect(port) as connection:
        both = ("Content-Length: 5", "Transfer-Encoding: chunked")
        connection.sendall(head("POST", "/v1/predict", *both) + chunk(NOISY[:40]) + END + smuggled)
        assert read_answer(connection).status == 400
        rest = connection.recv(10)
    assert rest in (b"", b"HTTP/1.1 2"), "closed, or an answer of its own to what is a request"
