"""Bodies of /v2 to begin with, and what must hold for whatever becomes of them.

The first two bytes stand for the header that says where the JSON ends.
"""

import json
from typing import Any

import numpy as np

from server.errors import ClientError
from server.kserve.body import read_body
from server.kserve.tensors import check_shape, from_binary, from_json

MAX_IMAGES = 4
MAX_JSON_BYTES = 16_384
NO_HEADER = 0xFFFF


def corpus() -> list[bytes]:
    """Encoded images and pixels, as binary data and as JSON."""
    pixels = {"name": "image", "datatype": "UINT8", "shape": [1, 2, 1, 3]}
    encoded = {"name": "image", "datatype": "BYTES", "shape": [2]}
    elements = b"\x03\0\0\0abc" + b"\x01\0\0\0z"
    outputs = [{"name": "flow", "parameters": {"binary_data": True}}, {"name": "labels"}]
    return [
        _body({"inputs": [pixels | {"data": [[[[1, 2, 3]], [[4, 5, 6]]]]}]}),
        _body({"inputs": [pixels | {"data": [1, 2, 3, 4, 5, 6]}], "outputs": outputs}),
        _body({"inputs": [_binary(pixels, 6)], "id": "x"}, b"abcdef"),
        _body({"inputs": [_binary(encoded, len(elements))]}, elements),
        _body(
            {
                "inputs": [_binary(encoded, 11), _binary(encoded | {"name": "next_image"}, 11)],
                "parameters": {"priority": 1, "timeout": 5, "binary_data_output": True},
            },
            elements[:11] + elements,
        ),
        _body({"inputs": [encoded | {"data": ["YWJj", "eg=="]}]}),
        b"\0\0" + b"one encoded image",
        NO_HEADER.to_bytes(2, "little") + b"[" * 200,
    ]


def check(data: bytes) -> None:
    """Images come out, as many as the shape says; or a documented error."""
    announced, body = int.from_bytes(data[:2], "little"), data[2:]
    header = None if announced == NO_HEADER else str(announced)
    try:
        found = read_body(body, header_length=header, max_json_bytes=MAX_JSON_BYTES)
        for tensor in found.request.inputs:
            check_shape(tensor, max_images=MAX_IMAGES)
            binary = found.binary.get(tensor.name)
            images = from_json(tensor) if binary is None else from_binary(tensor, binary)
            assert len(images) == tensor.shape[0] <= MAX_IMAGES
            for image in images:
                if isinstance(image, np.ndarray):
                    assert image.dtype == np.uint8
                    assert list(image.shape) == tensor.shape[1:]
                else:
                    assert len(image) <= len(body)
    except ClientError as error:
        if not 20 < len(str(error)) < 1000:
            raise AssertionError(f"not a short reason: {error}") from error


def _binary(tensor: dict[str, Any], num_bytes: int) -> dict[str, Any]:
    return tensor | {"parameters": {"binary_data_size": num_bytes}}


def _body(words: dict[str, Any], rest: bytes = b"") -> bytes:
    text = json.dumps(words).encode()
    return (len(text) if rest else NO_HEADER).to_bytes(2, "little") + text + rest
