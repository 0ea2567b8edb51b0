"""Maps to bytes, in the form that the client asked for."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.image.overlay import side_by_side
from models.task import Task
from server.answers.form import Form, Render
from server.answers.mixed import Part, write_mixed
from server.answers.negotiation import Media
from server.answers.result import Result
from server.answers.summary import summarise
from server.codecs.dense_map import DenseMap
from server.codecs.jpeg import MAX_SIDE_PX, write_jpeg
from server.codecs.map_codes import code_map
from server.codecs.npy import npy_pieces, npy_text
from server.codecs.pieces import Pieces
from server.codecs.png import png_pieces
from server.codecs.raw_arrays import raw_array
from server.codecs.stored_zip import stored_zip
from server.errors import Unusable

JPEG_QUALITY = 90
META_HEADER = "X-Anyres-Map"
# Hundreds of class names are more than a proxy takes in a header (4 KiB in nginx). They stand in
# the file, and in GET /v1/models.
NOT_IN_HEADERS = ("classes", "palette")


@dataclass(frozen=True, kw_only=True)
class Payload:
    """The body of an answer."""

    content_type: str
    pieces: Pieces
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """The pieces in one: a copy."""
        return b"".join(self.pieces)


def encode_result(result: Result, form: Form) -> Payload:
    """The body for one form. `check_form` has let it through.

    Raises:
        Unusable: the answer is larger than its form can be.
    """
    if form.media is Media.JSON:
        return _json(result, form)
    if form.media is Media.ZIP:
        return _zip(result, form)
    if form.media is Media.NPZ:
        return _npz(result, form)
    if form.media is Media.MULTIPART:
        return _multipart(result, form)
    if form.shown is Render.DATA:
        (dense,) = result.maps(uncertainty=False)
        pieces, words = _png(result, dense, Render.DATA)
        headers = {META_HEADER: _header({**result.meta, **words})}
        return Payload(content_type=form.media, pieces=pieces, headers=headers)
    return _picture(result, form)


def _json(result: Result, form: Form) -> Payload:
    png = maps = None
    if form.inline:
        png, maps = {}, {}
        for dense in result.maps(uncertainty=form.has_uncertainty):
            pieces, words = _png(result, dense, form.shown)
            name = _name(result, dense)
            png[name] = base64.b64encode(b"".join(pieces)).decode("ascii")
            maps[name] = words
    summary = summarise(result, png=png, maps=maps)
    return Payload(content_type=form.media, pieces=(summary.model_dump_json().encode(),))


def _zip(result: Result, form: Form) -> Payload:
    files: dict[str, Pieces] = {}
    maps: dict[str, object] = {}
    for dense in result.maps(uncertainty=form.has_uncertainty):
        name = f"{_name(result, dense)}.png"
        files[name], maps[name] = _png(result, dense, form.shown)
    files["meta.json"] = (_meta(result, maps, indent=1),)
    return Payload(content_type=form.media, pieces=stored_zip(files))


def _npz(result: Result, form: Form) -> Payload:
    """Every map under the name that the graphs give it, and `meta` as JSON text."""
    arrays, maps = _arrays(result, form)
    files = {f"{name}.npy": npy_pieces(values) for name, values in arrays.items()}
    files["meta.npy"] = npy_text(_meta(result, maps).decode("ascii"))
    return Payload(content_type=form.media, pieces=stored_zip(files))


def _multipart(result: Result, form: Form) -> Payload:
    """First the part `meta`, then each map."""
    arrays, maps = _arrays(result, form)
    meta = Part(
        name="meta",
        filename="meta.json",
        content_type="application/json",
        pieces=(_meta(result, maps),),
    )
    parts = [
        Part(
            name=name,
            filename=f"{name}.npy",
            content_type="application/x-npy",
            pieces=npy_pieces(values),
        )
        for name, values in arrays.items()
    ]
    content_type, pieces = write_mixed([meta, *parts])
    return Payload(content_type=content_type, pieces=pieces)


def _picture(result: Result, form: Form) -> Payload:
    picture = side_by_side([_shown(result, task, form.shown) for task in result.tasks])
    words = {**result.meta, "tasks": list(result.tasks), "render": form.shown.value}
    headers = {META_HEADER: _header(words)}
    if form.media is Media.PNG:
        return Payload(
            content_type=form.media, pieces=png_pieces(picture, meta=words), headers=headers
        )
    height, width = picture.shape[:2]
    if max(height, width) > MAX_SIDE_PX:
        raise Unusable(
            f"the picture is {height}x{width} (HxW), a JPEG has sides of at most {MAX_SIDE_PX} px: "
            f"ask for {Media.PNG}, or for fewer tasks"
        )
    body = write_jpeg(picture, quality=JPEG_QUALITY, meta=words)
    return Payload(content_type=form.media, pieces=(body,), headers=headers)


def _png(result: Result, dense: DenseMap, shown: Render) -> tuple[Pieces, Mapping[str, object]]:
    """A map as a PNG file, and the words for it."""
    if shown is Render.DATA:
        coded = code_map(dense)
        return coded.png(result.meta), coded.meta
    words: dict[str, object] = {"task": dense.task.value, "render": shown.value}
    picture = _shown(result, dense.task, shown)
    return png_pieces(picture, meta={**result.meta, **words}), words


def _shown(result: Result, task: Task, shown: Render) -> NDArray[np.uint8]:
    return result.overlay(task) if shown is Render.OVERLAY else result.picture(task)


def _arrays(result: Result, form: Form) -> tuple[dict[str, NDArray[Any]], dict[str, object]]:
    arrays: dict[str, NDArray[Any]] = {}
    maps: dict[str, object] = {}
    for dense in result.maps(uncertainty=form.has_uncertainty):
        raw = raw_array(dense, form.array_dtype)
        arrays[dense.name], maps[dense.name] = raw.values, raw.meta
    return arrays, maps


def _name(result: Result, dense: DenseMap) -> str:
    """Of a file: the task for its map, the map's own for confidence and uncertainty."""
    return dense.task.value if dense is result.map(dense.task) else dense.name


def _meta(result: Result, maps: Mapping[str, object], *, indent: int | None = None) -> bytes:
    text = json.dumps({**result.meta, "maps": maps}, indent=indent, allow_nan=False)
    return text.encode("ascii")


def _header(words: Mapping[str, object]) -> str:
    short = {name: value for name, value in words.items() if name not in NOT_IN_HEADERS}
    return json.dumps(short, separators=(",", ":"), allow_nan=False)
