"""Bodies of /v2 requests, made by hand: what a client sends is what these tests are about."""

import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

LENGTH = "Inference-Header-Content-Length"
URL = "/v2/models/toy/infer"
NUMPY = {"UINT8": np.uint8, "FP16": np.float16, "FP32": np.float32}


def elements(images: Iterable[bytes]) -> bytes:
    """BYTES as binary data."""
    return b"".join(struct.pack("<I", len(image)) + image for image in images)


def tensor(name: str, datatype: str, shape: list[int], **rest: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, **rest}


def request(
    inputs: list[dict[str, Any]], binary: bytes = b"", **fields: Any
) -> tuple[bytes, dict[str, str]]:
    """A body and its headers."""
    text = json.dumps({"inputs": inputs, **fields}).encode()
    return text + binary, {LENGTH: str(len(text))} if binary else {}


def of_files(
    images: list[bytes], next_images: list[bytes] | None = None, **fields: Any
) -> tuple[bytes, dict[str, str]]:
    """Encoded images as binary BYTES, all outputs binary unless said otherwise."""
    inputs, binary = [], b""
    for name, files in (("image", images), ("next_image", next_images)):
        if files is not None:
            data = elements(files)
            inputs.append(
                tensor(name, "BYTES", [len(files)], parameters={"binary_data_size": len(data)})
            )
            binary += data
    return request(inputs, binary, **({"parameters": {"binary_data_output": True}} | fields))


def of_pixels(pixels: NDArray[np.uint8], **fields: Any) -> tuple[bytes, dict[str, str]]:
    """Pixels as binary UINT8, all outputs binary unless said otherwise."""
    about = tensor(
        "image", "UINT8", list(pixels.shape), parameters={"binary_data_size": pixels.nbytes}
    )
    return request(
        [about], pixels.tobytes(), **({"parameters": {"binary_data_output": True}} | fields)
    )


def read(body: bytes, headers: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """An answer's JSON and its maps; every byte must belong to one of the two."""
    length = int(headers.get(LENGTH, len(body)))
    answer: dict[str, Any] = json.loads(body[:length])
    maps = {}
    at = length
    for output in answer["outputs"]:
        dtype = NUMPY[output["datatype"]]
        if "data" in output:
            flat = np.array(output["data"], dtype=dtype)
        else:
            size = output["parameters"]["binary_data_size"]
            flat = np.frombuffer(body[at : at + size], dtype=dtype)
            at += size
        maps[output["name"]] = flat.reshape(output["shape"])
    assert at == len(body)
    return answer, maps
