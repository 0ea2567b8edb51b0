"""Each form of an answer, read back by other people's readers."""

import base64
import email
import email.policy
import io
import json
import zipfile
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from requests_toolbelt.multipart import decoder

from models.task import Task
from server.answers.encode import Payload, encode_result
from server.answers.form import Form, Render
from server.answers.negotiation import Media
from server.codecs.pieces import num_bytes
from server.codecs.raw_arrays import Dtype
from server.errors import Unusable
from tests.server.answers.results import DEPTH, FLOW, HALF, LABELS, PIXELS, result

MAPS: dict[str, NDArray[Any]] = {
    "labels": LABELS,
    "label_confidence": HALF,
    "depth": DEPTH,
    "depth_uncertainty": HALF,
    "flow": FLOW,
    "flow_uncertainty": HALF,
}
SAYS = {"task", "dtype", "shape", "scale", "offset", "unit", "invalid"}


def encode(media: Media, *tasks: Task, **asked: Any) -> Payload:
    return encode_result(result(*tasks), Form(media=media, **asked))


def by_email(payload: Payload) -> dict[str, bytes]:
    """Parts by name, as Python's own reader takes them apart."""
    head = f"Content-Type: {payload.content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + payload.body, policy=email.policy.HTTP)
    assert not message.defects
    parts = {}
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        assert int(str(part["Content-Length"])) == len(content)
        assert part.get_filename()
        parts[str(part.get_param("name", header="content-disposition"))] = content
    return parts


def by_toolbelt(payload: Payload) -> dict[str, bytes]:
    """The same, as a client with `requests` does."""
    parts = decoder.MultipartDecoder(payload.body, payload.content_type).parts
    names = [part.headers[b"Content-Disposition"].split(b'"')[1].decode() for part in parts]
    return {name: part.content for name, part in zip(names, parts, strict=True)}


@pytest.mark.parametrize("read", [by_email, by_toolbelt])
@pytest.mark.parametrize("dtype", list(Dtype))
def test_multipart_is_read_back_to_numbers(read: Any, dtype: Dtype) -> None:
    parts = read(encode(Media.MULTIPART, dtype=dtype))
    meta = json.loads(parts.pop("meta"))
    assert list(parts) == list(meta["maps"]) == list(MAPS)
    for name, expected in MAPS.items():
        found = np.load(io.BytesIO(parts[name]), allow_pickle=False)
        words = meta["maps"][name]
        assert words.keys() >= SAYS
        assert (found.dtype.name, list(found.shape)) == (words["dtype"], words["shape"])
        np.testing.assert_array_equal(found, expected)  # these numbers fit into float16
    assert meta["maps"]["depth"]["dtype"] == dtype.value


def test_multipart_survives_bytes_that_look_like_lines_and_boundaries() -> None:
    noise = np.frombuffer(b"\r\n--anyres-\r\n\r\n--\n\r--", dtype=np.uint8).reshape(1, -1)
    payload = encode_result(
        result(Task.SEGMENTATION, maps={"labels": noise}), Form(media=Media.MULTIPART)
    )
    for read in (by_email, by_toolbelt):
        found = np.load(io.BytesIO(read(payload)["labels"]), allow_pickle=False)
        np.testing.assert_array_equal(found, noise)


def test_arrays_are_sent_from_where_they_lie() -> None:
    payload = encode(Media.MULTIPART)
    views = [np.frombuffer(piece, np.uint8) for piece in payload.pieces]
    assert any(np.shares_memory(view, LABELS) for view in views)
    assert num_bytes(payload.pieces) == len(payload.body)


def test_an_npz_holds_the_same_and_its_words() -> None:
    with np.load(io.BytesIO(encode(Media.NPZ).body), allow_pickle=False) as arrays:
        meta = json.loads(str(arrays["meta"]))
        assert set(arrays) == {*MAPS, "meta"}
        for name, expected in MAPS.items():
            np.testing.assert_array_equal(arrays[name], expected)
            assert arrays[name].dtype == expected.dtype
            assert meta["maps"][name].keys() >= SAYS
    assert meta["maps"]["flow_uncertainty"]["higher_is"] == "worse"
    assert meta["maps"]["label_confidence"]["higher_is"] == "better"
    with np.load(io.BytesIO(encode(Media.NPZ, dtype=Dtype.FLOAT16).body)) as arrays:
        assert arrays["flow"].dtype == np.float16
    with np.load(io.BytesIO(encode(Media.NPZ, Task.DEPTH, uncertainty=False).body)) as arrays:
        assert set(arrays) == {"depth", "meta"}


def test_a_zip_is_stored_and_named_by_task() -> None:
    with zipfile.ZipFile(io.BytesIO(encode(Media.ZIP).body)) as archive:
        assert archive.namelist() == ["segmentation.png", "depth.png", "flow.png", "meta.json"]
        assert {one.compress_type for one in archive.infolist()} == {zipfile.ZIP_STORED}
        meta = json.loads(archive.read("meta.json"))
        depth = opened(archive.read("depth.png"))
    words = meta["maps"]["depth.png"]
    assert words.keys() >= SAYS | {"convention", "near_is_large"}
    values = np.where(depth == words["invalid"], np.nan, depth * words["scale"] + words["offset"])
    np.testing.assert_allclose(values, DEPTH, atol=words["scale"])
    with zipfile.ZipFile(io.BytesIO(encode(Media.ZIP, uncertainty=True).body)) as archive:
        assert archive.namelist() == [
            "segmentation.png",
            "label_confidence.png",
            "depth.png",
            "depth_uncertainty.png",
            "flow.png",
            "flow_uncertainty.png",
            "meta.json",
        ]
        words = json.loads(archive.read("meta.json"))["maps"]["flow_uncertainty.png"]
        found = opened(archive.read("flow_uncertainty.png")) * words["scale"] + words["offset"]
    np.testing.assert_allclose(found, HALF, atol=words["scale"])


def test_the_same_maps_give_the_same_zip() -> None:
    assert encode(Media.ZIP).body == encode(Media.ZIP).body


def test_every_payload_says_whose_it_is_and_how_the_image_lay() -> None:
    metas = [
        json.loads(by_email(encode(Media.MULTIPART))["meta"]),
        json.loads(encode(Media.PNG, Task.DEPTH).headers["X-Anyres-Map"]),
        json.loads(encode(Media.JPEG).headers["X-Anyres-Map"]),
        json.loads(encode(Media.PNG, render=Render.COLOR).headers["X-Anyres-Map"]),
        json.loads(encode(Media.JSON).body),
    ]
    with Image.open(io.BytesIO(encode(Media.PNG, Task.FLOW).body)) as image:
        metas.append(json.loads(str(image.info["anyres"])))
    with Image.open(io.BytesIO(encode(Media.JPEG, render=Render.OVERLAY).body)) as image:
        assert image.info["jfif"]
        metas.append(json.loads(image.info["comment"]))
    with zipfile.ZipFile(io.BytesIO(encode(Media.ZIP).body)) as archive:
        metas.append(json.loads(archive.read("meta.json")))
    for meta in metas:
        assert meta["model"] == {"name": "toy", "version": "1.0"}
        image_words = {"stored_size": [3, 2], "size": [2, 3], "exif_orientation": 6}
        assert meta["image"] == meta["next_image"] == {"format": "JPEG", **image_words}
        assert (
            "depth: 1 of 6 pixels have no value" in meta["warnings"] or len(meta["warnings"]) == 1
        )


def test_hundreds_of_class_names_stay_out_of_the_header() -> None:
    names = tuple(f"a rather long name of a class, number {i}" for i in range(255))
    many = result(
        Task.SEGMENTATION,
        bundle={"class_names": names, "palette": tuple((i, 0, 0) for i in range(255))},
    )
    payload = encode_result(many, Form(media=Media.PNG))
    assert len(payload.headers["X-Anyres-Map"]) < 1000
    with Image.open(io.BytesIO(payload.body)) as image:
        assert json.loads(str(image.info["anyres"]))["classes"][254].endswith("254")


def test_json_links_to_each_map_or_holds_it() -> None:
    linked = json.loads(encode(Media.JSON).body)
    assert (linked["png"], linked["maps"]) == (None, None)
    assert linked["links"]["depth"] == {
        "method": "POST",
        "href": "?tasks=depth&orientation=display",
        "accept": "image/png",
    }
    body = json.loads(encode(Media.JSON, inline=True, uncertainty=True).body)
    assert body["links"] is None
    assert list(body["png"]) == list(body["maps"])
    for name in ("depth", "depth_uncertainty"):
        words = body["maps"][name]
        found = opened(base64.b64decode(body["png"][name])) * words["scale"] + words["offset"]
        known = np.isfinite(MAPS[name])
        np.testing.assert_allclose(found[known], MAPS[name][known], atol=words["scale"])
    streamed = encode_result(result(repeat=None), Form(media=Media.JSON))
    assert json.loads(streamed.body)["links"] is None


def test_an_overlay_shows_the_image_where_the_map_has_no_value() -> None:
    found = opened(encode(Media.PNG, Task.SEGMENTATION, render=Render.OVERLAY).body)[..., ::-1]
    np.testing.assert_array_equal(found[0, 2], PIXELS[0, 2])  # label 255
    # 0.6 is 154 / 256: sky (128, 128, 128) over (0, 10, 20)
    np.testing.assert_array_equal(found[0, 0], [77, 80, 84])
    depth = opened(encode(Media.PNG, Task.DEPTH, render=Render.OVERLAY).body)[..., ::-1]
    np.testing.assert_array_equal(depth[1, 0], PIXELS[1, 0])  # NaN


def test_pictures_stand_side_by_side_also_as_jpeg() -> None:
    for media in (Media.PNG, Media.JPEG):
        for render in (Render.COLOR, Render.OVERLAY):
            assert opened(encode(media, render=render).body).shape == (2, 9, 3)
    with zipfile.ZipFile(io.BytesIO(encode(Media.ZIP, render=Render.OVERLAY).body)) as archive:
        assert opened(archive.read("flow.png")).shape == (2, 3, 3)


def test_a_picture_too_wide_for_jpeg_is_refused_with_a_way_out() -> None:
    wide = np.zeros((1, 65536), dtype=np.uint8)
    many = result(Task.SEGMENTATION, maps={"labels": wide})
    with pytest.raises(Unusable, match="1x65536 .HxW., a JPEG has sides of at most 65535.*png"):
        encode_result(many, Form(media=Media.JPEG))


@pytest.mark.parametrize("shape", [(1, 1), (1, 12_000), (12_000, 1)])
@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 3e38])
@pytest.mark.parametrize("media", list(Media))
def test_maps_without_a_range_are_safe_in_every_form(
    shape: tuple[int, int], value: float, media: Media
) -> None:
    half = np.full(shape, value if value != 3e38 else 1.0, dtype=np.float16)
    maps: dict[str, NDArray[Any]] = {
        "depth": np.full(shape, value, dtype=np.float32),
        "depth_uncertainty": half,
        "flow": np.full((*shape, 2), value, dtype=np.float32),
        "flow_uncertainty": half,
    }
    pixels = np.zeros((*shape, 3), dtype=np.uint8)
    for render in (Render.DATA, Render.COLOR, Render.OVERLAY):
        if media in (Media.NPZ, Media.MULTIPART) and render is not Render.DATA:
            continue
        for task in (Task.DEPTH, Task.FLOW):
            found = result(task, maps=maps, pixels=pixels)
            assert encode_result(found, Form(media=media, render=render)).body


def test_odd_maps_are_named() -> None:
    constant = np.full((4, 5), 2.0, dtype=np.float32)
    found = result(Task.SEGMENTATION, Task.DEPTH, maps={"depth": constant, "labels": LABELS * 0})
    assert found.oddities == [(Task.DEPTH, "constant")]
    assert found.warnings == ["depth: all pixels have the same value"]
    found = result()
    assert found.oddities == [(task, "unknown") for task in Task]
    assert found.warnings[2] == "flow: 1 of 6 pixels have no value"
    one = result(Task.DEPTH, maps={"depth": constant[:1, :1]})
    assert one.oddities == []  # one pixel is always constant


def opened(data: bytes) -> NDArray[Any]:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return pixels
