"""Maps as the body of an answer: a JSON object, and after it the bytes of binary outputs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.runtime.predictor import Prediction
from server.answers.encode import Payload
from server.codecs.dense_map import DenseMap
from server.codecs.pieces import bytes_of
from server.kserve.body import LENGTH_HEADER
from server.kserve.compression import deflate_if_it_pays
from server.kserve.outputs import meaning
from server.kserve.wanted import WantedOutput

NUMBERS_AT_ONCE = 2**13
"""In one call of the JSON writer, which lets no other thread run."""


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """An output: one map for each image, all of one size."""

    wanted: WantedOutput
    maps: tuple[DenseMap, ...]

    @classmethod
    def of(cls, wanted: WantedOutput, predictions: Sequence[Prediction]) -> "Tensor":
        """What was wanted, of these."""
        return cls(wanted=wanted, maps=tuple(wanted.output.of(one) for one in predictions))

    @property
    def oddities(self) -> list[str]:
        """Of its maps that are well formed and yet suspicious: "unknown" or "constant". Only a
        task's own map is looked at, not how sure the model is."""
        if not self.wanted.output.is_main:
            return []
        return [reason for reason in (map_.oddity for map_ in self.maps) if reason is not None]

    def about(self, bundle: Bundle) -> dict[str, Any]:
        """All but its numbers, fit for JSON."""
        output = self.wanted.output
        parameters = meaning(output, bundle)
        if "unknown" in self.oddities:
            parameters["unknown_pixels"] = sum(map_.range.num_unknown for map_ in self.maps)
        if "constant" in self.oddities:
            parameters["constant_maps"] = self.oddities.count("constant")
        if self.wanted.binary:
            parameters["binary_data_size"] = sum(map_.values.nbytes for map_ in self.maps)
        return {
            "name": output.name,
            "datatype": output.datatype,
            "shape": [len(self.maps), *self.maps[0].values.shape],
            "parameters": parameters,
        }


def write_answer(
    tensors: Sequence[Tensor], *, id_: str | None, bundle: Bundle, encoding: str | None
) -> Payload:
    """The outputs in this order.

    Args:
        tensors: that were asked for.
        id_: of the request.
        bundle: who made them.
        encoding: what the client would take the body compressed with.
    """
    parts: list[str] = []
    buffers: list[memoryview] = []
    for tensor in tensors:
        about = _dumps(tensor.about(bundle))
        if tensor.wanted.binary:
            buffers += [bytes_of(map_.values) for map_ in tensor.maps]
            parts.append(about)
        else:
            numbers = ",".join(text for map_ in tensor.maps for text in _numbers(map_.values))
            parts.append(f'{about[:-1]},"data":[{numbers}]}}')
    head = {"model_name": bundle.name, "model_version": bundle.version}
    if id_ is not None:
        head["id"] = id_
    text = f'{_dumps(head)[:-1]},"outputs":[{",".join(parts)}]}}'.encode("ascii")
    headers = {"Vary": "Accept-Encoding"}
    if buffers:
        headers[LENGTH_HEADER] = str(len(text))
    pieces: tuple[bytes | memoryview, ...] = (text, *buffers)
    compressed = None if encoding is None else deflate_if_it_pays(pieces, encoding)
    if encoding is not None and compressed is not None:
        headers["Content-Encoding"] = encoding
        pieces = (compressed,)
    return Payload(
        content_type="application/octet-stream" if buffers else "application/json",
        pieces=pieces,
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
