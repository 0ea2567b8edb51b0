"""Tensors of a request: bounds first, then bytes or numbers into images.

Axes: B images, H W pixels.
"""

import base64
import binascii
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.errors import InvalidTensor
from server.kserve.request import RequestInput

MAX_SIDE = 2**31 - 1  # a dimension beyond is no size; products of such ones need no computing

Source = bytes | NDArray[np.uint8]
"""One image: encoded, or (h, w, 3) pixels."""


def check_shape(tensor: RequestInput, *, max_images: int) -> None:
    """Whether the shape alone can be right. Nothing is allocated for it.

    Raises:
        InvalidTensor
    """
    shape = tensor.shape
    expected = "[B]" if tensor.datatype == "BYTES" else "[B, H, W, 3]"
    fits = len(shape) == 1 if tensor.datatype == "BYTES" else len(shape) == 4 and shape[3] == 3
    if not fits or not all(1 <= side <= MAX_SIDE for side in shape):
        raise InvalidTensor(
            f"input {tensor.name} is {tensor.datatype} of shape {_text(shape)}, expected "
            f"{expected}, each at least 1: BYTES are encoded images, UINT8 are RGB pixels"
        )
    if shape[0] > max_images:
        raise InvalidTensor(
            f"input {tensor.name} has {shape[0]} images, this server takes at most {max_images} "
            f"in a request: send more requests, they share batches here"
        )


def from_binary(tensor: RequestInput, data: memoryview) -> tuple[Source, ...]:
    """The images of a tensor whose bytes followed the JSON; its shape was checked.

    Raises:
        InvalidTensor: they are too many or too few.
    """
    if tensor.datatype == "BYTES":
        return _elements(tensor, data)
    expected = _count(tensor)
    if len(data) != expected:
        raise InvalidTensor(
            f"input {tensor.name} has {len(data)} bytes, expected {expected} of UINT8 "
            f"{_text(tensor.shape)}: check binary_data_size and the shape"
        )
    return tuple(np.frombuffer(data, dtype=np.uint8).reshape(tensor.shape))


def from_json(tensor: RequestInput) -> tuple[Source, ...]:
    """The images of a tensor whose numbers stand in the JSON; its shape was checked.

    Raises:
        InvalidTensor
    """
    flat = _flatten(tensor, tensor.data or [])
    if tensor.datatype == "BYTES":
        return tuple(_base64(tensor, index, text) for index, text in enumerate(flat))
    if {type(value) for value in flat} != {int}:
        raise InvalidTensor(
            f"data of input {tensor.name} are not all integers: UINT8 is written as numbers from "
            f"0 to 255"
        )
    try:
        pixels = np.frombuffer(bytes(flat), dtype=np.uint8)
    except (ValueError, OverflowError) as error:
        raise InvalidTensor(
            f"data of input {tensor.name} run from {min(flat)!s:.20} to {max(flat)!s:.20}, "
            f"expected 0 to 255: send UINT8"
        ) from error
    return tuple(pixels.reshape(tensor.shape))


def _elements(tensor: RequestInput, data: memoryview) -> tuple[Source, ...]:
    """BYTES: a length of four bytes, little-endian, before each element."""
    found: list[Source] = []
    at = 0
    for index in range(tensor.shape[0]):
        length = int.from_bytes(data[at : at + 4], "little")
        left = len(data) - at - 4
        if left < 0 or length > left:
            raise InvalidTensor(
                f"{tensor.name}[{index}] announces {length} bytes and {max(left, 0)} are left of "
                f"{len(data)}, expected 4 bytes of length (little-endian) and then the image, for "
                f"each of {tensor.shape[0]}"
            )
        found.append(bytes(data[at + 4 : at + 4 + length]))
        at += 4 + length
    if at != len(data):
        raise InvalidTensor(
            f"input {tensor.name} has {len(data)} bytes and its {tensor.shape[0]} images end after "
            f"{at}: check the shape"
        )
    return tuple(found)


def _flatten(tensor: RequestInput, data: Sequence[Any]) -> Sequence[Any]:
    """Values in row-major order; nested lists must have the tensor's shape."""
    level = data
    for axis, side in enumerate(tensor.shape[1:], 1):
        if not any(type(part) is list for part in level):
            break
        fits = len(level) == _count(tensor, axis)
        if not fits or not all(type(part) is list and len(part) == side for part in level):
            raise InvalidTensor(
                f"data of input {tensor.name} are nested in another shape than "
                f"{_text(tensor.shape)}: nest them alike, or write one flat list"
            )
        level = list(chain.from_iterable(level))
    expected = _count(tensor)
    if len(level) != expected:
        raise InvalidTensor(
            f"data of input {tensor.name} has {len(level)} values, expected {expected} for shape "
            f"{_text(tensor.shape)}"
        )
    return level


def _base64(tensor: RequestInput, index: int, text: object) -> bytes:
    if not isinstance(text, str):
        raise InvalidTensor(
            f"{tensor.name}[{index}] is not a string, expected an encoded image in base64"
        )
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidTensor(
            f"{tensor.name}[{index}] is not base64 ({error}): JSON cannot hold bytes, so encode "
            f"the image, or send it as binary data"
        ) from error


def _count(tensor: RequestInput, axes: int | None = None) -> int:
    """Elements of the first axes, of all by default."""
    number = 1
    for side in tensor.shape[:axes]:
        number *= side
    return number


def _text(shape: Sequence[int]) -> str:
    return f"{list(shape)!s:.80}"
