"""The JSON that goes out, as OpenAPI sees it. Sizes are [height, width] in pixels."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, WithJsonSchema


def _tuple_of(kind: str, length: int) -> WithJsonSchema:
    """Few generators of clients know prefixItems, which pydantic writes for tuples."""
    return WithJsonSchema(
        {"type": "array", "items": {"type": kind}, "minItems": length, "maxItems": length}
    )


Size = Annotated[tuple[int, int], _tuple_of("integer", 2)]
Vector = Annotated[tuple[float, float], _tuple_of("number", 2)]
Colour = Annotated[tuple[int, int, int], _tuple_of("integer", 3)]


class ImageInfo(BaseModel):
    """One image as it came."""

    format: str
    stored_size: Size
    """As in the file."""
    size: Size
    """As the maps have it, after rotation if orientation=display."""
    exif_orientation: int


class ModelInfo(BaseModel):
    """Who answered."""

    name: str
    version: str


class ClassArea(BaseModel):
    """One class that was found."""

    label: int
    name: str
    colour: Colour
    area: float
    """Share of the image, 0 to 1."""
    confidence: float | None
    """Mean probability over its pixels."""


class SegmentationSummary(BaseModel):
    """Classes by falling area."""

    classes: list[ClassArea]
    known: float
    """Share of pixels with a class."""


class DepthSummary(BaseModel):
    """The range of the depth map. All null where no pixel has a value."""

    convention: str
    unit: str
    near_is_large: bool
    least: float | None
    median: float | None
    """Of a large map, that of a sample."""
    greatest: float | None
    median_uncertainty: float | None
    """Median of the expected absolute error, in `unit`; null also where the model gives none."""
    known: float
    """Share of pixels with a value."""
    constant: bool
    """Every value is the same, or there is none."""


class FlowSummary(BaseModel):
    """Motion from image to next_image, px, u right, v down."""

    unit: str
    mean: Vector | None
    """(u, v)."""
    mean_length: float | None
    greatest_length: float | None
    median_uncertainty: float | None
    """Median of the expected absolute error of u and v, px; null where the model gives none."""
    moving: float
    """Share of pixels that move by more than 1 px."""
    known: float
    """Share of pixels with a value."""
    constant: bool
    """Every vector is the same, or there is none."""


class Link(BaseModel):
    """How to get a map: the same request again, with another query and another Accept."""

    method: str
    href: str
    """Relative to the address of this answer. Send the same body."""
    accept: str


class Timings(BaseModel):
    """In milliseconds. The header Server-Timing adds encoding."""

    decode_ms: float
    queue_ms: float
    infer_ms: float


class StreamFrame(BaseModel):
    """Where a frame stands in its stream."""

    id: str
    """Of the stream."""
    frame: int
    """0 is the first."""
    flow_from: int | None
    """Flow goes from this frame to `frame`; null where there is none."""
    restarted: Literal["first_frame", "size_changed", "model_changed"] | None
    """Why there is none."""


class Summary(BaseModel):
    """What was seen, in words and numbers. The maps themselves come with another Accept."""

    model: ModelInfo
    image: ImageInfo
    next_image: ImageInfo | None
    segmentation: SegmentationSummary | None
    depth: DepthSummary | None
    flow: FlowSummary | None
    timings: Timings
    stream: StreamFrame | None
    """Of a stream's frame; flow is then from the frame before it to this one."""
    warnings: list[str]
    """What is odd about the maps: pixels without a value, one value all over."""
    links: dict[str, Link] | None
    """Without inline=true: where each map is. Nothing is kept here, so it is computed again."""
    png: dict[str, str] | None
    """With inline=true: each map as a PNG file in base64."""
    maps: dict[str, dict[str, Any]] | None
    """With inline=true: how to read each PNG; value = scale * code + offset."""


class ErrorBody(BaseModel):
    """What went wrong."""

    code: str
    status: int
    message: str
    request_id: str


class ErrorAnswer(BaseModel):
    """Every answer that is not a success."""

    error: ErrorBody


class ErrorSentence(BaseModel):
    """The same below /v2, as that protocol has it."""

    error: str


class StreamInfo(BaseModel):
    """A stream and its limits."""

    id: str
    model: str
    """That answers its frames now, as name@version."""
    frames: int
    """Answered so far."""
    size: Size | None
    """Of the frame whose features are kept."""
    feature_bytes: int
    """What they take."""
    idle_s: float
    idle_timeout_s: float
    """Without a frame for so long, the stream expires."""
    max_mpx: float
    """Of one frame."""
    max_body_bytes: int
    """Of a request with a frame."""
    max_frame_bytes: int
    """Of a message of a WebSocket."""


class Health(BaseModel):
    """One word, and a sentence if it is not fine."""

    status: str
    reason: str = ""
