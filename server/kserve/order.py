"""What a request asks for, checked against the model, before any image is decoded."""

from dataclasses import dataclass

from models.bundle import Bundle
from models.task import Task
from server.codecs.decode import ImageLimits, Orientation
from server.errors import ClientError, InvalidTensor, Unusable
from server.kserve.body import InferBody
from server.kserve.outputs import OUTPUTS, Output
from server.kserve.tensors import Source, check_shape, from_binary, from_json


@dataclass(frozen=True, kw_only=True)
class WantedOutput:
    """One map, and how it travels."""

    output: Output
    binary: bool


@dataclass(frozen=True, kw_only=True)
class InferOrder:
    """A request that can be run, if its images are what they say."""

    id: str | None
    images: tuple[Source, ...]
    next_images: tuple[Source, ...]
    """As many, or none."""
    outputs: tuple[WantedOutput, ...]
    orientation: Orientation
    priority: int
    """0, 1 or 2 as Triton counts them."""
    timeout_s: float | None
    num_pixels: int
    """Of all images, by their headers."""

    @property
    def tasks(self) -> frozenset[Task]:
        """That the outputs need."""
        return frozenset(wanted.output.task for wanted in self.outputs)


def make_order(
    body: InferBody,
    *,
    bundle: Bundle,
    limits: ImageLimits,
    max_images: int,
    max_json_values: int,
) -> InferOrder:
    """Check shapes, sizes of images by their headers, and outputs.

    Raises:
        InvalidTensor: a tensor, or an output that the model or the inputs do not allow.
        TooManyPixels, UnsupportedImage, MalformedImage, Unusable: an image, by its header.
    """
    request = body.request
    for tensor in request.inputs:
        check_shape(tensor, max_images=max_images)
    sources = {
        tensor.name: from_binary(tensor, body.binary[tensor.name])
        if tensor.name in body.binary
        else from_json(tensor)
        for tensor in request.inputs
    }
    if "image" not in sources:
        raise InvalidTensor("inputs has no image, expected one: next_image alone has no answer")
    images, next_images = sources["image"], sources.get("next_image", ())
    if next_images and Task.FLOW not in bundle.tasks:
        raise InvalidTensor(
            f"input next_image came, but {bundle.name} has no flow: send image alone"
        )
    if next_images and len(next_images) != len(images):
        raise InvalidTensor(
            f"image has {len(images)} images and next_image {len(next_images)}, expected as many: "
            f"flow goes from each to its next"
        )
    parameters = request.parameters
    outputs = tuple(
        WantedOutput(
            output=output, binary=parameters.binary_data_output if binary is None else binary
        )
        for output, binary in _outputs(body, bundle, has_next=bool(next_images))
    )
    areas = {
        name: sum(_area(source, limits, where=f"{name}[{i}]") for i, source in enumerate(group))
        for name, group in (("image", images), ("next_image", next_images))
    }
    _check_json_values(outputs, areas["image"], max_json_values=max_json_values)
    return InferOrder(
        id=request.id,
        images=images,
        next_images=next_images,
        outputs=outputs,
        orientation=parameters.orientation,
        priority=parameters.priority,
        timeout_s=parameters.timeout / 1e6 or None,
        num_pixels=sum(areas.values()),
    )


def of_image(error: ClientError, where: str) -> ClientError:
    """The same error, which says which image of the batch it is about."""
    return type(error)(f"{where}: {error}")


def _outputs(
    body: InferBody, bundle: Bundle, *, has_next: bool
) -> list[tuple[Output, bool | None]]:
    has = [o for o in OUTPUTS.values() if o.task in bundle.tasks]
    if not body.request.outputs:
        allowed = [output for output in has if has_next or output.task is not Task.FLOW]
        if not allowed:
            raise InvalidTensor(f"{bundle.name} has flow alone: send the input next_image too")
        return [(output, None) for output in allowed]
    wanted = []
    for asked in body.request.outputs:
        output = OUTPUTS[asked.name]
        if output not in has:
            raise InvalidTensor(
                f"output {asked.name} was asked for, but {bundle.name} has "
                f"{', '.join(o.name for o in has)}: ask for these"
            )
        if output.task is Task.FLOW and not has_next:
            raise InvalidTensor(
                f"output {asked.name} is about the motion between two images, one came: send the "
                f"input next_image too"
            )
        wanted.append((output, asked.parameters.binary_data))
    return wanted


def _area(source: Source, limits: ImageLimits, *, where: str) -> int:
    """Pixels, if the image is let in."""
    try:
        if isinstance(source, bytes):
            return limits.check(source).num_pixels
        limits.check_size((source.shape[0], source.shape[1]))
    except ClientError as error:
        raise of_image(error, where) from error
    return source.size // 3


def _check_json_values(
    outputs: tuple[WantedOutput, ...], area: int, *, max_json_values: int
) -> None:
    as_json = [wanted.output for wanted in outputs if not wanted.binary]
    num_values = area * sum(output.values_per_pixel for output in as_json)
    if num_values > max_json_values:
        raise Unusable(
            f"{', '.join(output.name for output in as_json)} as JSON would be {num_values} "
            f"numbers, this server writes at most {max_json_values}: ask for binary data (the "
            f"parameter binary_data_output of the request, or binary_data of an output), or for "
            f"fewer outputs"
        )
