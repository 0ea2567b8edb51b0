"""An address in a request is a piece of text: nobody goes there."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.service import Service
from tests.server.raw_http import ask, connect, form, head, part, read_answer, upgrade
from tests.server.serving import config_for, encoded, listening, plain

IMAGE = encoded(plain(4, 4, (1, 2, 3)))
FORM = "Content-Type: multipart/form-data; boundary=b"


@contextmanager
def house_nobody_may_visit() -> Iterator[tuple[socket.socket, str]]:
    """A port of this machine, and an address that leads there."""
    with socket.create_server(("127.0.0.1", 0)) as house:
        house.setblocking(False)
        yield house, f"http://127.0.0.1:{house.getsockname()[1]}/image.png"


def bodies(url: str) -> Iterator[tuple[str, bytes]]:
    """(lines of the head, body), each with the address in another place."""
    yield "Content-Type: image/png", url.encode()
    yield "Content-Type: text/uri-list", url.encode()
    yield "Content-Type: application/json", json.dumps({"image": url, "url": url}).encode()
    yield "Content-Type: application/x-www-form-urlencoded", f"image={url}".encode()
    yield FORM, form("b", (part("image"), url.encode()))
    yield FORM, form("b", (part("image_url"), url.encode()))
    yield FORM, form("b", (part("image", f'; filename="{url}"'), IMAGE))
    external = f"\r\nContent-Type: message/external-body; access-type=URL; URL={url}"
    yield FORM, form("b", (part("image", external), b""))
    yield f"Content-Type: image/png\r\nContent-Location: {url}\r\nReferer: {url}", IMAGE
    yield "Content-Type: image/svg+xml", f'<svg><image href="{url}"/></svg>'.encode()


def test_no_body_makes_the_server_call_somebody(folder: Path) -> None:
    with house_nobody_may_visit() as (house, url), listening(Service(config_for(folder))) as port:
        statuses = set()
        for lines, body in bodies(url):
            request = head("POST", "/v1/predict", lines, f"Content-Length: {len(body)}")
            statuses.add(ask(port, request + body).status)
        with pytest.raises(BlockingIOError):  # nobody waits at the door
            house.accept()
    assert statuses == {200, 400, 415, 422}


def test_no_query_header_or_tensor_does(folder: Path) -> None:
    with house_nobody_may_visit() as (house, url), listening(Service(config_for(folder))) as port:
        length = f"Content-Length: {len(IMAGE)}"
        for query in (f"?model={url}", f"?url={url}", f"?image={url}", f"?tasks={url}"):
            assert ask(port, head("POST", f"/v1/predict{query}", length) + IMAGE).status == 422
        for name in ("Origin", "Forwarded", "X-Forwarded-Host", "traceparent", "Link", "Host"):
            assert ask(port, head("GET", "/livez", f"{name}: {url}")).status in (200, 400)
        tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [url]}
        text = json.dumps({"inputs": [tensor]}).encode()
        request = head("POST", "/v2/models/toy/infer", f"Content-Length: {len(text)}")
        assert ask(port, request + text).status >= 400
        with connect(port) as connection:
            connection.sendall(upgrade("/v1/streams/ws", f"Sec-WebSocket-Protocol: {url}"))
            assert read_answer(connection).status in (101, 400)
        with pytest.raises(BlockingIOError):
            house.accept()
