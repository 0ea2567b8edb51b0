"""One shot in the words of each of the server's doors: /v1/predict, a stream, KServe's /v2."""

import json
from dataclasses import dataclass, field
from typing import Literal

from models.task import Task
from server.bench.pictures import Picture
from server.bench.traffic import ANSWERS, Shot

Surface = Literal["predict", "stream", "kserve"]

_BOUNDARY = "anyres-bench-1f4b8c"  # the pictures are binary: it would take luck to meet it in one


@dataclass(frozen=True, kw_only=True)
class Call:
    """A POST."""

    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def predict_call(shot: Shot) -> Call:
    """An image as the body itself, a pair as a form."""
    accept = {"Accept": ANSWERS[shot.answer]}
    path = "/v1/predict" + shot.query
    if shot.next_picture is None:
        headers = {"Content-Type": shot.picture.media_type, **accept}
        return Call(path=path, body=shot.picture.data, headers=headers)
    parts = {"image": shot.picture, "next_image": shot.next_picture}
    body = b"".join(_part(name, picture) for name, picture in parts.items())
    headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}", **accept}
    return Call(path=path, body=body + f"--{_BOUNDARY}--\r\n".encode(), headers=headers)


def frame_call(shot: Shot, stream_id: str) -> Call:
    """The next frame of a stream; the server knows the one before."""
    headers = {"Content-Type": shot.picture.media_type, "Accept": ANSWERS[shot.answer]}
    path = f"/v1/streams/{stream_id}/frames{shot.query}"
    return Call(path=path, body=shot.picture.data, headers=headers)


def kserve_call(shot: Shot, model: str) -> Call:
    """Encoded images as BYTES tensors, maps back as binary tensors.

    Open Inference Protocol, binary tensor extension: each element has its length before it, four
    bytes, little end first.
    """
    pictures = {"image": shot.picture}
    if shot.next_picture is not None:
        pictures["next_image"] = shot.next_picture
    inputs, tail = [], b""
    for name, picture in pictures.items():
        element = len(picture.data).to_bytes(4, "little") + picture.data
        parameters = {"binary_data_size": len(element)}
        inputs.append({"name": name, "shape": [1], "datatype": "BYTES", "parameters": parameters})
        tail += element
    request: dict[str, object] = {"inputs": inputs, "parameters": {"binary_data_output": True}}
    if shot.tasks is not None:
        names = [_KSERVE_OUTPUTS[task] for task in shot.tasks]
        request["outputs"] = [{"name": name, "parameters": {"binary_data": True}} for name in names]
    head = json.dumps(request).encode()
    headers = {
        "Content-Type": "application/octet-stream",
        "Inference-Header-Content-Length": str(len(head)),
    }
    return Call(path=f"/v2/models/{model}/infer", body=head + tail, headers=headers)


_KSERVE_OUTPUTS = {Task.SEGMENTATION: "labels", Task.DEPTH: "depth", Task.FLOW: "flow"}


def _part(name: str, picture: Picture) -> bytes:
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
        f"Content-Type: {picture.media_type}\r\n\r\n"
    )
    return head.encode() + picture.data + b"\r\n"
