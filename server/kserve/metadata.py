"""What a model takes and gives, in the words of the protocol."""

from pydantic import BaseModel

from models.task import Task
from server.kserve.outputs import OUTPUTS, meaning
from server.roster.served_model import ServedModel

EXTENSIONS = [
    "binary_tensor_data",
    "model_configuration",
    "model_repository",
    "parameters",
    "schedule_policy",
    "statistics",
]
PIXELS = "UINT8 [-1,-1,-1,3]"


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


def server_metadata(version: str) -> ServerMetadata:
    """Who we are."""
    return ServerMetadata(name="anyres", version=version, extensions=EXTENSIONS)


def model_metadata(model: ServedModel, versions: list[str]) -> ModelMetadata:
    """Inputs and outputs. An input has one datatype here; the other one stands in parameters."""
    bundle = model.bundle
    return ModelMetadata(
        name=bundle.name,
        versions=versions,
        platform=platform(model),
        inputs=[
            TensorMetadata(
                name=name,
                datatype="BYTES",
                shape=[-1],
                parameters={
                    "content": "encoded images: JPEG, PNG or WebP",
                    "alternative": f"{PIXELS}: RGB pixels",
                    "optional": optional,
                },
            )
            for name, optional in model_inputs(model)
        ],
        outputs=[
            TensorMetadata(
                name=output.name,
                datatype=output.datatype,
                shape=output.shape,
                parameters=meaning(output, bundle),
            )
            for output in OUTPUTS.values()
            if output.task in bundle.tasks
        ],
    )


def model_inputs(model: ServedModel) -> list[tuple[str, bool]]:
    """Name, and whether it may be left out."""
    return [("image", False), *([("next_image", True)] if Task.FLOW in model.tasks else [])]


def platform(model: ServedModel) -> str:
    """What runs it."""
    return f"{model.selection.runtime.name}_onnx"  # PROJECT_FORMAT, as the protocol wants it
