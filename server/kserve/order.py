"""What a request asks for, checked against the model, before any image is decoded."""

from dataclasses import dataclass

from models.task import Task
from server.codecs.decode import ImageLimits, Orientation
from server.config import ServerConfig
from server.errors import ClientError, InvalidTensor, MalformedBody, TooManyPixels
from server.kserve.body import InferBody
from server.kserve.tensors import Source, check_shape, from_binary, from_json
from server.kserve.wanted import WantedOutput, check_json_values, wanted_outputs
from server.roster.served_model import ServedModel
from server.scheduling.cost import Shape
from server.scheduling.job import Priority

LANES = {0: Priority.NORMAL, 1: Priority.INTERACTIVE, 2: Priority.BATCH}
"""By the parameter `priority`: 0 says nothing, 1 is the highest (Triton's schedule policy)."""


@dataclass(frozen=True, kw_only=True)
class InferOrder:
    """A request that can be run, if its images are what they say."""

    id: str | None
    images: tuple[Source, ...]
    next_images: tuple[Source, ...]
    """As many, or none."""
    outputs: tuple[WantedOutput, ...]
    orientation: Orientation
    priority: Priority
    timeout_s: float | None
    """That the client allows, if it says so."""
    sizes: tuple[tuple[int, int], ...]
    """(height, width) of each of `images`, by its header: not rotated yet."""
    num_pixels: int
    """Of all images, the next ones among them."""

    @property
    def tasks(self) -> frozenset[Task]:
        """That the outputs need."""
        return frozenset(wanted.output.task for wanted in self.outputs)

    @property
    def has_flow(self) -> bool:
        """Else a second image, if there is one, is not worth computing."""
        return Task.FLOW in self.tasks

    @property
    def shapes(self) -> list[Shape]:
        """Of its jobs: each image, or pair, is one."""
        frames = 2 if self.has_flow else 1
        return [Shape(size=size, num_frames=frames, has_flow=self.has_flow) for size in self.sizes]


def make_order(
    body: InferBody,
    *,
    model: ServedModel,
    version: str | None,
    limits: ImageLimits,
    config: ServerConfig,
) -> InferOrder:
    """Check names, shapes, sizes of images by their headers, and outputs.

    Args:
        body: taken apart.
        model: that answers.
        version: that the URL names.
        limits: of one image.
        config: limits of the request.

    Raises:
        MalformedBody: the body names another model than the URL.
        InvalidTensor: a tensor, or an output that the model or the inputs do not allow.
        TooManyPixels, UnsupportedImage, MalformedImage, Unusable: an image, by its header.
    """
    _check_model(body, model, version)
    request = body.request
    for tensor in request.inputs:
        check_shape(tensor, max_images=config.max_images)
    sources = {
        tensor.name: from_binary(tensor, body.binary[tensor.name])
        if tensor.name in body.binary
        else from_json(tensor)
        for tensor in request.inputs
    }
    if "image" not in sources:
        raise InvalidTensor("inputs has no image, expected one: next_image alone has no answer")
    images, next_images = sources["image"], sources.get("next_image", ())
    if next_images and Task.FLOW not in model.tasks:
        raise InvalidTensor(
            f"input next_image came, but {model.name} has no flow: send image alone"
        )
    if next_images and len(next_images) != len(images):
        raise InvalidTensor(
            f"image has {len(images)} images and next_image {len(next_images)}, expected as many: "
            f"flow goes from each to its next"
        )
    parameters = request.parameters
    outputs = wanted_outputs(request, model, has_next=bool(next_images))
    sizes, next_sizes = (
        tuple(_size(source, limits, where=f"{name}[{i}]") for i, source in enumerate(group))
        for name, group in (("image", images), ("next_image", next_images))
    )
    check_json_values(outputs, _area(sizes), max_json_values=config.max_json_values)
    num_pixels = _area(sizes) + _area(next_sizes)
    if len(images) > 1 and num_pixels > config.max_queue_mpx * 1e6:
        raise TooManyPixels(
            f"the images are {num_pixels / 1e6:.1f} Mpx together, this server takes at most "
            f"{config.max_queue_mpx:.1f} Mpx at once: send fewer in a request, requests share "
            f"batches here"
        )
    return InferOrder(
        id=request.id,
        images=images,
        next_images=next_images,
        outputs=outputs,
        orientation=parameters.orientation,
        priority=LANES[parameters.priority],
        timeout_s=parameters.timeout / 1e6 or None,
        sizes=sizes,
        num_pixels=num_pixels,
    )


def of_image(error: ClientError, where: str) -> ClientError:
    """The same error, which says which image of the batch it is about."""
    return type(error)(f"{where}: {error}")


def _check_model(body: InferBody, model: ServedModel, version: str | None) -> None:
    asked = body.request
    if asked.model_name not in (None, "", model.name):
        raise MalformedBody(
            f"model_name is {asked.model_name!r:.80} and the URL says {model.name}: name the same"
        )
    if asked.model_version not in (None, "", version or model.version):
        raise MalformedBody(
            f"model_version is {asked.model_version!r:.80} and {model.version} answers this URL: "
            f"ask /v2/models/{model.name}/versions/..."
        )


def _size(source: Source, limits: ImageLimits, *, where: str) -> tuple[int, int]:
    """(height, width), if the image is let in."""
    try:
        if isinstance(source, bytes):
            return limits.check(source).size
        size = source.shape[0], source.shape[1]
        limits.check_size(size)
    except ClientError as error:
        raise of_image(error, where) from error
    return size


def _area(sizes: tuple[tuple[int, int], ...]) -> int:
    return sum(height * width for height, width in sizes)
