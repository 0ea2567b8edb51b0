"""The JSON of /v2 that comes in and goes out, as OpenAPI sees it.

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


class ResponseOutput(BaseModel):
    """One map. Its numbers stand in `data`, or follow the JSON."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, bool | int | float | str] = {}
    """binary_data_size if it follows the JSON; unit and convention of its numbers."""
    data: list[int | float | None] | None = None
    """Row-major. null: no value."""


class InferResponse(BaseModel):
    """Maps, in the order that they were asked for."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[ResponseOutput]


class ServerMetadata(BaseModel):
    """Who we are."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(BaseModel):
    """One input or output. -1 is any length."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, bool | int | float | str] = {}
    """What the numbers mean, and what else is taken."""


class ModelMetadata(BaseModel):
    """One model."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class Live(BaseModel):
    """Whether waiting can help."""

    live: bool


class Ready(BaseModel):
    """Whether requests are taken."""

    ready: bool


class ModelReady(BaseModel):
    """Whether requests for this model are taken."""

    name: str
    ready: bool


class TensorConfig(BaseModel):
    """One input or output, in the words of Triton's model configuration."""

    name: str
    data_type: str
    dims: list[int]
    optional: bool = False


class InstanceGroup(BaseModel):
    """What computes."""

    name: str
    kind: str
    count: int


class QueuePolicy(BaseModel):
    """What happens to requests that wait."""

    timeout_action: str
    default_timeout_microseconds: int
    allow_timeout_override: bool
    max_queue_size: int


class DynamicBatching(BaseModel):
    """How requests wait for each other."""

    priority_levels: int
    default_priority_level: int
    default_queue_policy: QueuePolicy


class TransactionPolicy(BaseModel):
    """One answer to one request."""

    decoupled: bool = False


class ConfigParameter(BaseModel):
    """A value as Triton writes it."""

    string_value: str


class ModelConfiguration(BaseModel):
    """Of one model, as far as Triton has words for it."""

    name: str
    platform: str
    backend: str
    max_batch_size: int
    input: list[TensorConfig]
    output: list[TensorConfig]
    instance_group: list[InstanceGroup]
    dynamic_batching: DynamicBatching
    model_transaction_policy: TransactionPolicy
    parameters: dict[str, ConfigParameter]


class Duration(BaseModel):
    """How often, and how long together."""

    count: int
    ns: int


class InferenceStatistics(BaseModel):
    """Requests and their stages."""

    success: Duration
    fail: Duration
    queue: Duration
    compute_input: Duration
    """Decoding."""
    compute_infer: Duration
    compute_output: Duration
    """Encoding."""
    cache_hit: Duration
    cache_miss: Duration


class BatchStatistics(BaseModel):
    """Runs of the engine with so many images."""

    batch_size: int
    compute_input: Duration
    compute_infer: Duration
    compute_output: Duration


class ModelStatistics(BaseModel):
    """Of one version, since it was loaded."""

    name: str
    version: str
    last_inference: int
    """Milliseconds since 1970."""
    inference_count: int
    """Images."""
    execution_count: int
    """Runs of the engine."""
    inference_stats: InferenceStatistics
    batch_stats: list[BatchStatistics]


class StatisticsList(BaseModel):
    """Of all that were asked for."""

    model_stats: list[ModelStatistics]


class IndexQuery(BaseModel):
    """Which models to list."""

    model_config = STRICT

    ready: bool = False
    """Only those that take requests."""


class IndexEntry(BaseModel):
    """One version of one model."""

    name: str
    version: str
    state: Literal["READY", "LOADING", "UNLOADING", "UNAVAILABLE", "UNKNOWN"]
    reason: str
