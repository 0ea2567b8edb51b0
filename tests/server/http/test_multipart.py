"""Forms that are floods, riddles or attacks: bounded before anything of them is kept."""

import json
import tracemalloc
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from server.errors import ClientError, MalformedBody, Unusable
from server.http.multipart import PartReader
from server.service import Service
from tests.server.raw_http import chunk, connect, form, head, part, read_answer
from tests.server.serving import config_for, encoded, listening, plain

IMAGE = encoded(plain(4, 6, (60, 60, 60)))
KIND = "multipart/form-data; boundary=b"


class Kept:
    """What a reader let through."""

    def __init__(self, kind: str = KIND) -> None:
        self.parts: dict[str, bytes] = {}
        self.reader = PartReader(kind, names=("image", "next_image"), on_data=self.keep)

    def keep(self, name: str, piece: bytes) -> None:
        self.parts[name] = self.parts.get(name, b"") + piece

    def read(self, body: bytes, *, piece_bytes: int = 2**16) -> None:
        for at in range(0, len(body), piece_bytes):
            self.reader.write(body[at : at + piece_bytes])
        self.reader.close()


@pytest.mark.parametrize("piece_bytes", [1, 7, 2**16])
def test_parts_are_cut_out_wherever_the_pieces_of_the_body_end(piece_bytes: int) -> None:
    tricky = b"\r\n--b", b"\r\n--", b"--b--", b"\r\n--bb", bytes(range(256))
    image = b"".join(tricky[1:]) + b"\r\n--a"
    kept = Kept()
    body = form("b", (part("image"), image), (part("next_image"), b"x"))
    kept.read(body, piece_bytes=piece_bytes)
    assert kept.parts == {"image": image, "next_image": b"x"}


FLOODS: dict[str, tuple[bytes, type[ClientError], str]] = {
    "many parts": (
        form("b", *((part(f"part{number}"), b"x") for number in range(10_000))),
        Unusable,
        "a field 'part0'",
    ),
    "the same part many times": (
        form("b", *[(part("image"), b"x")] * 10_000),
        Unusable,
        "two fields 'image'",
    ),
    "line ends before the first part": (
        b"\r\n" * 2**20,
        MalformedBody,
        "ends before its closing boundary",
    ),
    "many headers": (
        form("b", ("\r\n".join([part("image"), *["A: b"] * 99]), b"x")),
        MalformedBody,
        "body is broken",
    ),
    "a huge header": (
        form("b", (part("image", "; x=" + "a" * 9999), b"x")),
        MalformedBody,
        "body is broken",
    ),
    "the name of a header without end": (
        b"--b\r\n" + b"A" * 10**6,
        MalformedBody,
        "body is broken",
    ),
    "no name": (form("b", ("Content-Disposition: form-data", b"x")), Unusable, "a field ''"),
    "no headers": (b"--b\r\n\r\nx\r\n--b--\r\n", Unusable, "a field ''"),
    "text before the first boundary": (
        b"hello" * 10**5 + form("b", (part("image"), b"x")),
        MalformedBody,
        "expected the boundary",
    ),
    "another boundary": (form("c", (part("image"), b"x")), MalformedBody, "expected the boundary"),
    "no closing boundary": (
        form("b", (part("image"), b"x"), end=False),
        MalformedBody,
        "before its closing boundary",
    ),
    "a URL": (
        form("b", (part("image_url"), b"http://localhost/")),
        Unusable,
        "a field 'image_url'",
    ),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_form_that_is_none_of_ours_is_refused_at_its_first_fault(name: str) -> None:
    body, error, message = FLOODS[name]
    with pytest.raises(error, match=message) as refused:
        Kept().read(body)
    assert len(str(refused.value)) < 400  # what came is quoted, but not at length


@pytest.mark.parametrize(
    "name",
    [
        "many parts",
        "many headers",
        "the name of a header without end",
        "line ends before the first part",
    ],
)
def test_a_flood_takes_no_memory(name: str) -> None:
    body = FLOODS[name][0]
    kept = Kept()
    tracemalloc.start()
    with pytest.raises(ClientError):
        kept.read(body, piece_bytes=4096)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 100_000


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        f"multipart/form-data; boundary={'b' * 71}",
        "multipart/form-data; charset=utf-8",
    ],
)
def test_without_a_boundary_of_the_standards_length_nothing_is_read(kind: str) -> None:
    with pytest.raises(MalformedBody, match="expected a boundary of 1 to 70 characters"):
        Kept(kind)


def test_a_form_within_a_form_is_the_content_of_its_part(client: TestClient) -> None:
    inner = form("c", (part("image"), IMAGE))
    nested = form("b", (part("image", "\r\nContent-Type: multipart/mixed; boundary=c"), inner))
    answer = client.post("/v1/predict", content=nested, headers={"Content-Type": KIND})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_image")


def test_what_follows_the_closing_boundary_is_not_read(client: TestClient) -> None:
    body = form("b", (part("image"), IMAGE)) + form("b", (part("image"), b"another")) + b"x" * 9999
    answer = client.post("/v1/predict", content=body, headers={"Content-Type": KIND})
    assert answer.json()["image"]["size"] == [4, 6]


def test_a_name_of_a_file_writes_nothing(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("stolen.png", str(tmp_path / "stolen.png"), "%2e%2e/stolen.png"):
        body = form("b", (part("image", f"; filename=\"{name}\"; filename*=UTF-8''{name}"), IMAGE))
        answer = client.post("/v1/predict", content=body, headers={"Content-Type": KIND})
        assert answer.status_code == 200
    assert list(tmp_path.iterdir()) == []


def test_a_flood_is_refused_while_it_arrives(folder: Path) -> None:
    service = Service(config_for(folder))
    with listening(service) as port, connect(port) as connection:
        start = form("b", (part("x0"), b""), end=False)
        lines = ("Transfer-Encoding: chunked", f"Content-Type: {KIND}")
        connection.sendall(head("POST", "/v1/predict", *lines) + chunk(start))
        answer = read_answer(connection)  # the body never ends
    assert (answer.status, answer.code) == (422, "unusable")
    assert "x0" in json.loads(answer.body)["error"]["message"]
    assert service.arriving.num_bytes == 0
