"""Maps as the body of an answer: a JSON object, and after it the bytes of binary outputs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.runtime.predictor import Prediction
from server.kserve.body import LENGTH_HEADER
from server.kserve.compression import deflate_if_it_pays
from server.kserve.order import InferOrder
from server.kserve.outputs import meaning

NUMBERS_AT_ONCE = 2**13
"""In one call of the JSON writer, which lets no other thread run."""


@dataclass(frozen=True, kw_only=True)
class InferAnswer:
    """A body and the headers that go with it."""

    body: bytes
    media_type: str
    headers: dict[str, str]


def write_answer(
    order: InferOrder, predictions: Sequence[Prediction], *, bundle: Bundle, encoding: str | None
) -> InferAnswer:
    """The outputs that were asked for, in that order.

    Args:
        order: what was asked for.
        predictions: of each image; all of one size.
        bundle: who made them.
        encoding: what the client would take the body compressed with.
    """
    parts: list[str] = []
    buffers: list[NDArray[np.generic]] = []
    for wanted in order.outputs:
        output = wanted.output
        maps = [output.of(prediction) for prediction in predictions]
        about: dict[str, Any] = {
            "name": output.name,
            "datatype": output.datatype,
            "shape": [len(maps), *maps[0].shape],
            "parameters": meaning(output, bundle),
        }
        if wanted.binary:
            about["parameters"]["binary_data_size"] = sum(map_.nbytes for map_ in maps)
            buffers += maps
            parts.append(_dumps(about))
        else:
            numbers = ",".join(text for map_ in maps for text in _numbers(map_))
            parts.append(f'{_dumps(about)[:-1]},"data":[{numbers}]}}')
    head = {"model_name": bundle.name, "model_version": bundle.version}
    if order.id is not None:
        head["id"] = order.id
    text = f'{_dumps(head)[:-1]},"outputs":[{",".join(parts)}]}}'.encode("ascii")
    headers = {"Vary": "Accept-Encoding"}
    if buffers:
        headers[LENGTH_HEADER] = str(len(text))
    body = b"".join([text, *(buffer.data for buffer in buffers)])
    compressed = None if encoding is None else deflate_if_it_pays(body, encoding)
    if encoding is not None and compressed is not None:
        headers["Content-Encoding"] = encoding
        body = compressed
    return InferAnswer(
        body=body,
        media_type="application/octet-stream" if buffers else "application/json",
        headers=headers,
    )


def _dumps(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _numbers(map_: NDArray[np.generic]) -> Iterator[str]:
    """Row-major, a piece at a time; null where there is no value, which JSON cannot write else."""
    flat = map_.ravel()
    for at in range(0, flat.size, NUMBERS_AT_ONCE):
        piece = flat[at : at + NUMBERS_AT_ONCE]
        values: list[Any] = piece.tolist()
        if piece.dtype.kind == "f" and not np.isfinite(piece).all():
            values = [value if np.isfinite(value) else None for value in values]
        yield _dumps(values)[1:-1]
