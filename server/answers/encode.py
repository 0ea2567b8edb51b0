"""Maps to bytes, in the form that the client asked for."""

import base64
import io
import json
import zipfile
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from models.image.overlay import side_by_side
from models.task import Task
from server.answers.negotiation import Media
from server.answers.result import Render, Result
from server.answers.summary import summarise
from server.codecs.map_codes import describe_depth, describe_flow
from server.codecs.png import write_png
from server.errors import Unusable

JPEG_QUALITY = 90
META_HEADER = "X-Anyres-Map"


@dataclass(frozen=True, kw_only=True)
class Payload:
    """The body of an answer."""

    media: Media
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def check_form(media: Media, tasks: tuple[Task, ...], *, render: Render, inline: bool) -> None:
    """Refuse a form that cannot hold what was asked for, before anything is computed.

    Raises:
        Unusable
    """
    if media is Media.PNG and render is Render.DATA and len(tasks) != 1:
        raise Unusable(
            f"a data PNG holds one map, {len(tasks)} were asked for ({', '.join(tasks)}): choose "
            f"with tasks=depth, ask for {Media.ZIP}, or add render=color for a picture"
        )
    if media is Media.NPZ and render is Render.COLOR:
        raise Unusable(f"{Media.NPZ} holds numbers, not colours: leave render=color out")
    if inline and media is not Media.JSON:
        raise Unusable(f"inline=true puts PNGs into {Media.JSON}, {media} was asked for: drop it")


def encode_result(result: Result, media: Media, *, render: Render, inline: bool) -> Payload:
    """The body for one form. `check_form` has let it through."""
    if media is Media.JSON:
        png = None
        if inline:
            png = {
                task.value: base64.b64encode(_png(result, task, render)).decode("ascii")
                for task in result.tasks
            }
        return Payload(media=media, body=summarise(result, png=png).model_dump_json().encode())
    if media is Media.ZIP:
        return Payload(media=media, body=_zip(result, render))
    if media is Media.NPZ:
        return Payload(media=media, body=_npz(result))
    if media is Media.PNG and render is Render.DATA:
        coded = result.coded(result.tasks[0])
        text = json.dumps({**result.meta, **coded.meta}, separators=(",", ":"))
        return Payload(media=media, body=coded.png(result.meta), headers={META_HEADER: text})
    picture = side_by_side([result.picture(task) for task in result.tasks])
    if media is Media.PNG:
        return Payload(media=media, body=write_png(picture, meta=result.meta))
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=JPEG_QUALITY)
    return Payload(media=media, body=file.getvalue())


def _png(result: Result, task: Task, render: Render) -> bytes:
    if render is Render.COLOR:
        return write_png(result.picture(task), meta={**result.meta, "task": task.value})
    return result.coded(task).png(result.meta)


def _zip(result: Result, render: Render) -> bytes:
    maps: dict[str, object] = {}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # PNGs are deflated already
        for task in result.tasks:
            name = f"{task.value}.png"
            if render is Render.COLOR:
                maps[name] = {"task": task.value, "render": render.value}
                body = write_png(result.picture(task), meta={**result.meta, "task": task.value})
            else:
                coded = result.coded(task)
                maps[name] = coded.meta
                body = coded.png(result.meta)
            archive.writestr(_entry(name), body)
        meta = json.dumps({**result.meta, "maps": maps}, indent=1, allow_nan=False)
        archive.writestr(_entry("meta.json"), meta)
    return file.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    """Without the time of day: the same maps give the same bytes."""
    return zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))


def _npz(result: Result) -> bytes:
    """Every map as computed, under the names of the graphs, and `meta` as JSON text."""
    prediction, bundle = result.prediction, result.bundle
    arrays: dict[str, np.ndarray | None] = {}
    maps: dict[str, object] = {}
    if Task.SEGMENTATION in result.tasks:
        arrays |= {"labels": result.labels, "label_confidence": prediction.label_confidence}
        maps["labels"] = {"task": "segmentation", "classes": list(bundle.class_names)}
    if Task.DEPTH in result.tasks:
        assert bundle.depth is not None
        arrays |= {"depth": result.depth, "depth_uncertainty": prediction.depth_uncertainty}
        maps["depth"] = describe_depth(bundle.depth)
    if Task.FLOW in result.tasks:
        arrays |= {"flow": result.flow, "flow_uncertainty": prediction.flow_uncertainty}
        maps["flow"] = describe_flow()
    file = io.BytesIO()
    present = {name: array for name, array in arrays.items() if array is not None}
    meta = np.array(json.dumps({**result.meta, "maps": maps}))
    np.savez(file, meta=meta, **present)  # type: ignore[arg-type]
    return file.getvalue()
