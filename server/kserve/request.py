"""The JSON of a request for maps.

What comes in is strict: a key that nobody knows is refused, not dropped, so that a typing error in
a parameter does not go unnoticed. Numbers in `data` and `shape` are judged later, with the tensor.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from server.codecs.decode import Orientation

STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)

InputName = Literal["image", "next_image"]
OutputName = Literal[
    "labels",
    "label_confidence",
    "depth",
    "depth_uncertainty",
    "flow",
    "flow_uncertainty",
]
MAX_DIMENSIONS = 8  # ours have 1 or 4; more than this is not a mistake but an attack


class InputParameters(BaseModel):
    """Of one input."""

    model_config = STRICT

    binary_data_size: int | None = Field(default=None, ge=0)
    """The tensor follows the JSON and is so many bytes long."""


class RequestInput(BaseModel):
    """One tensor. Its numbers stand in `data`, or follow the JSON."""

    model_config = STRICT

    name: InputName
    datatype: Literal["BYTES", "UINT8"]
    """BYTES: encoded images (JPEG, PNG, WebP). UINT8: RGB pixels."""
    shape: list[int] = Field(
        min_length=1,
        max_length=MAX_DIMENSIONS,
        json_schema_extra={"items": {"type": "integer", "minimum": 1}},
    )
    """[B] of BYTES, [B, H, W, 3] of UINT8."""
    parameters: InputParameters = InputParameters()
    data: list[Any] | None = None
    """UINT8: numbers, flat in row-major order or nested like the shape. BYTES: base64."""


class OutputParameters(BaseModel):
    """Of one output that is asked for."""

    model_config = STRICT

    binary_data: bool | None = None
    """As bytes after the JSON; by default what binary_data_output says."""


class RequestOutput(BaseModel):
    """One map that is asked for."""

    model_config = STRICT

    name: OutputName
    parameters: OutputParameters = OutputParameters()


class RequestParameters(BaseModel):
    """Of the whole request."""

    model_config = STRICT

    binary_data_output: bool = False
    """Whether outputs that do not say otherwise come as bytes after the JSON."""
    timeout: int = Field(default=0, ge=0)
    """Give up with 504 after so many microseconds. 0: only the server's own limit holds."""
    priority: int = Field(default=0, ge=0, le=2)
    """1: somebody waits at a screen. 2: a batch that may wait. 0 is 1."""
    orientation: Orientation = "display"
    """display applies the EXIF rotation of encoded images, raw leaves them as they are stored."""


class InferRequest(BaseModel):
    """One request for maps."""

    model_config = STRICT

    id: str | None = Field(default=None, max_length=256)
    """Comes back with the answer."""
    model_name: str | None = None
    """If given, the one in the URL."""
    model_version: str | None = None
    """If given, the one in the URL."""
    parameters: RequestParameters = RequestParameters()
    inputs: list[RequestInput] = Field(min_length=1, max_length=8)
    outputs: list[RequestOutput] = Field(default=[], max_length=16)
    """Which maps, in this order. None: all that the inputs allow."""
