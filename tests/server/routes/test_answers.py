"""Forms of an answer over HTTP."""

import io
import json
from email import message_from_bytes
from typing import Any

import numpy as np
from PIL import Image
from starlette.testclient import TestClient

from server.service import Service
from tests.server.serving import encoded, plain

FIRST = plain(6, 10, (10, 20, 30))  # mean 20: label 0, depth 20
BODY: dict[str, Any] = {
    "content": encoded(FIRST),
    "headers": {"Content-Type": "image/png"},
}


def test_multipart_announces_its_length_and_its_boundary(client: TestClient) -> None:
    headers = {"Content-Type": "image/png", "Accept": "multipart/mixed"}
    answer = client.post("/v1/predict", content=encoded(FIRST), headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Vary"] == "Accept"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    kind = answer.headers["Content-Type"]
    assert kind.startswith("multipart/mixed; boundary=anyres-")
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + answer.content)
    assert message.is_multipart()
    assert not message.defects
    assert [stage.split(";")[0] for stage in answer.headers["Server-Timing"].split(", ")] == [
        "decode",
        "queue",
        "infer",
        "encode",
    ]


def test_several_accept_headers_are_one(client: TestClient) -> None:
    headers = [("Content-Type", "image/png"), ("Accept", "text/html"), ("Accept", "image/jpeg")]
    answer = client.post("/v1/predict", content=encoded(FIRST), headers=headers)
    assert answer.headers["Content-Type"] == "image/jpeg"


def test_a_refusal_varies_with_accept_too(client: TestClient) -> None:
    headers = {"Content-Type": "image/png", "Accept": "text/html"}
    answer = client.post("/v1/predict", content=encoded(FIRST), headers=headers)
    assert (answer.status_code, answer.headers["Vary"]) == (406, "Accept")
    assert "expected one of application/json, application/zip" in answer.json()["error"]["message"]


def test_links_lead_to_the_maps(client: TestClient) -> None:
    url = "/v1/predict?tasks=depth,segmentation&orientation=raw&depth=relative"
    links = client.post(url, **BODY).json()["links"]
    assert list(links) == ["segmentation", "depth"]
    link = links["depth"]
    again = client.post(
        f"/v1/predict{link['href']}",
        content=encoded(FIRST),
        headers={"Content-Type": "image/png", "Accept": link["accept"]},
    )
    assert again.status_code == 200
    assert json.loads(again.headers["X-Anyres-Map"])["task"] == "depth"


def test_metres_of_a_relative_model_are_422(client: TestClient) -> None:
    answer = client.post("/v1/predict?depth=metric", **BODY)
    assert answer.status_code == 422
    assert "no number of it is in metres" in answer.json()["error"]["message"]
    assert client.post("/v1/predict?depth=metric&tasks=segmentation", **BODY).status_code == 200


def test_odd_maps_are_told_and_counted(client: TestClient, service: Service) -> None:
    def counted() -> float:
        name, labels = "anyres_odd_maps_total", {"task": "depth", "reason": "constant"}
        return service.telemetry.registry.get_sample_value(name, labels) or 0.0

    before = counted()
    body = client.post("/v1/predict", **BODY).json()  # one colour: one depth
    assert body["warnings"] == ["depth: all pixels have the same value"]
    assert body["depth"]["constant"] is True
    assert counted() == before + 1


def test_an_overlay_is_the_images_own_colours_and_the_maps(client: TestClient) -> None:
    url = "/v1/predict?tasks=segmentation&render=overlay"
    headers = {"Content-Type": "image/png", "Accept": "image/png"}
    answer = client.post(url, content=encoded(FIRST), headers=headers)
    found = np.asarray(Image.open(io.BytesIO(answer.content)))
    # sky (128, 128, 128) at 154 / 256 over (10, 20, 30)
    assert (found == [80, 84, 88]).all()
