"""The body of a request: a JSON object, and after it the bytes of binary tensors.

What could make parsing dear is bounded before: the length of the JSON, how many lists and keys it
has (each costs far more memory than its two bytes), and, by the parser itself, how deep it nests.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from server.errors import BodyTooLarge, InvalidTensor, MalformedBody
from server.kserve.request import InferRequest, RequestInput, RequestParameters
from server.mistakes import mistake

MAX_LISTS = 2**17  # an image of 300x300 as nested lists
MAX_KEYS = 2**10  # two inputs and six outputs with every parameter have fewer than 100
MAX_MISTAKES = 3  # that a message names
LENGTH_HEADER = "Inference-Header-Content-Length"

_NO_REGIONS = (
    "this server maps no shared memory, its clients may be anywhere: send the tensor in the body"
)
_REFUSED = {
    "classification": "class names are for images as a whole, these are maps: ask for the labels "
    "themselves, the model's metadata names their classes",
    "shared_memory_region": _NO_REGIONS,
    "shared_memory_byte_size": _NO_REGIONS,
    "shared_memory_offset": _NO_REGIONS,
    **dict.fromkeys(
        ("sequence_id", "sequence_start", "sequence_end"),
        "requests here do not depend on each other: send image and next_image, or use /v1/streams "
        "for video",
    ),
}
"""Parameters of Triton's that have no meaning here, and why."""


@dataclass(frozen=True, kw_only=True)
class InferBody:
    """What was sent, in its parts. Nothing is decoded."""

    request: InferRequest
    binary: Mapping[str, memoryview]
    """By input, of those whose bytes followed the JSON."""


def read_body(data: bytes, *, header_length: str | None, max_json_bytes: int) -> InferBody:
    """Take a body apart.

    Args:
        data: after inflating.
        header_length: of the JSON, as the header says it; None if all is JSON; "0" if nothing is,
            and the body is one encoded image.
        max_json_bytes: a longer JSON is not looked at.

    Raises:
        MalformedBody, BodyTooLarge, InvalidTensor
    """
    length = _json_length(data, header_length)
    if length > max_json_bytes:
        raise BodyTooLarge(
            f"the JSON has {length} bytes, this server takes at most {max_json_bytes}: send "
            f"tensors as binary data behind the JSON, and its length as {LENGTH_HEADER}"
        )
    rest = memoryview(data)[length:]
    if length == 0 and len(rest) > 0:
        return _one_image(rest)
    request = _parse(data[:length])
    for kind, named in (("inputs", request.inputs), ("outputs", request.outputs)):
        names = Counter(tensor.name for tensor in named)
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise InvalidTensor(f"{kind} has {', '.join(twice)} more than once, expected it once")
    return InferBody(request=request, binary=_cut(request, rest))


def _json_length(data: bytes, header_length: str | None) -> int:
    if header_length is None:
        return len(data)
    text = header_length.strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise MalformedBody(
            f"{LENGTH_HEADER} is {header_length!r:.80}, expected the number of bytes of the JSON"
        )
    if int(text) > len(data):
        raise MalformedBody(
            f"{LENGTH_HEADER} is {int(text)} and the body has {len(data)} bytes, expected no more "
            f"than the whole: count the JSON before it is compressed"
        )
    return int(text)


def _one_image(data: memoryview) -> InferBody:
    """Triton's raw binary request."""
    image = RequestInput(name="image", datatype="BYTES", shape=[1])
    parameters = RequestParameters(binary_data_output=True)
    prefix = len(data).to_bytes(4, "little")
    return InferBody(
        request=InferRequest(inputs=[image], parameters=parameters),
        binary={"image": memoryview(prefix + data)},
    )


def _parse(text: bytes) -> InferRequest:
    num_lists = text.count(b"[") + text.count(b"{")
    num_keys = text.count(b":")
    if num_lists > MAX_LISTS or num_keys > MAX_KEYS:
        raise MalformedBody(
            f"the JSON has {num_lists} lists and objects and {num_keys} keys, expected at most "
            f"{MAX_LISTS} and {MAX_KEYS}: write data as one flat list, or send it as binary data"
        )
    try:
        return InferRequest.model_validate_json(text)
    except ValidationError as error:
        raise MalformedBody(_mistakes(error)) from error


def _mistakes(error: ValidationError) -> str:
    """Sentences about the first few."""
    sentences = []
    problems = error.errors(include_url=False)
    for problem in problems[:MAX_MISTAKES]:
        if problem["type"] == "json_invalid":
            return (
                f"the body is not the JSON of a request ({problem['msg']}): if tensors follow it, "
                f"say with {LENGTH_HEADER} where it ends"
            )
        where = ".".join(str(part) for part in problem["loc"])[:120] or "the JSON"
        name = str(problem["loc"][-1]) if problem["loc"] else ""
        if problem["type"] == "extra_forbidden":
            why = _REFUSED.get(name, "there is no such key, see /docs for those there are")
            sentences.append(f"{where} came: {why}")
        elif problem["type"] == "missing":
            sentences.append(f"{where} is missing")
        else:
            sentences.append(mistake(where, problem))
    if len(problems) > MAX_MISTAKES:
        sentences.append(f"and {len(problems) - MAX_MISTAKES} more mistakes")
    return "; ".join(sentences)


def _cut(request: InferRequest, rest: memoryview) -> dict[str, memoryview]:
    """The bytes of each binary input, in the order of the JSON."""
    binary: dict[str, memoryview] = {}
    at = 0
    for tensor in request.inputs:
        size = tensor.parameters.binary_data_size
        if (size is None) == (tensor.data is None):
            raise InvalidTensor(
                f"input {tensor.name} has {'neither' if size is None else 'both'} data and "
                f"binary_data_size, expected one of the two"
            )
        if size is not None:
            binary[tensor.name] = rest[at : at + size]
            at += size
    if at != len(rest):
        raise InvalidTensor(
            f"binary_data_size of the inputs is {at} together and {len(rest)} bytes follow the "
            f"JSON, expected as many: check {LENGTH_HEADER}"
        )
    return binary
