"""What a model takes and gives, in the words of the protocol and of Triton's configuration."""

from models.task import Task
from server.config import ServerConfig
from server.kserve.outputs import OUTPUTS, meaning
from server.kserve.schemas import (
    ConfigParameter,
    DynamicBatching,
    InstanceGroup,
    ModelConfiguration,
    ModelMetadata,
    QueuePolicy,
    ServerMetadata,
    TensorConfig,
    TensorMetadata,
    TransactionPolicy,
)
from server.loading.loaded_model import LoadedModel

EXTENSIONS = [
    "binary_tensor_data",
    "model_configuration",
    "model_repository",
    "parameters",
    "schedule_policy",
    "statistics",
]
PIXELS = "UINT8 [-1,-1,-1,3]"

_TRITON_TYPES = {"BYTES": "TYPE_STRING", "UINT8": "TYPE_UINT8", "FP16": "TYPE_FP16"}
_TRITON_TYPES["FP32"] = "TYPE_FP32"


def server_metadata(version: str) -> ServerMetadata:
    """Who we are."""
    return ServerMetadata(name="anyres", version=version, extensions=EXTENSIONS)


def model_metadata(model: LoadedModel, versions: list[str]) -> ModelMetadata:
    """Inputs and outputs. An input has one datatype here; the other one stands in parameters."""
    bundle = model.bundle
    return ModelMetadata(
        name=bundle.name,
        versions=versions,
        platform=_platform(model),
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
            for name, optional in _inputs(model)
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


def model_configuration(model: LoadedModel, config: ServerConfig) -> ModelConfiguration:
    """As far as Triton has words for it; the rest as parameters."""
    bundle, runtime, limits = model.bundle, model.selection.runtime, model.bundle.size_limits
    words = {
        "alternative_input": f"image and next_image may be {PIXELS} as well: RGB pixels",
        "max_images": str(config.max_images),
        "max_pixels": str(model.max_pixels),
        "min_side_px": str(limits.min_side),
        "max_side_px": str(limits.max_side),
        "engine": f"{runtime.name} {runtime.version}",
        "precision": ",".join(f"{g}={p}" for g, p in sorted(runtime.precisions.items())),
        "class_names": ",".join(bundle.class_names),
    }
    return ModelConfiguration(
        name=bundle.name,
        platform=_platform(model),
        backend=runtime.name,
        max_batch_size=0,  # shapes are whole, with their first axis
        input=[
            TensorConfig(name=name, data_type="TYPE_STRING", dims=[-1], optional=optional)
            for name, optional in _inputs(model)
        ],
        output=[
            TensorConfig(
                name=output.name, data_type=_TRITON_TYPES[output.datatype], dims=output.shape
            )
            for output in OUTPUTS.values()
            if output.task in bundle.tasks
        ],
        instance_group=[InstanceGroup(name=f"{bundle.name}_0", kind="KIND_AUTO", count=1)],
        dynamic_batching=DynamicBatching(
            priority_levels=2,
            default_priority_level=1,
            default_queue_policy=QueuePolicy(
                timeout_action="REJECT",
                default_timeout_microseconds=round(config.timeout_s * 1e6),
                allow_timeout_override=True,
                max_queue_size=config.max_queue,
            ),
        ),
        model_transaction_policy=TransactionPolicy(),
        parameters={key: ConfigParameter(string_value=value) for key, value in words.items()},
    )


def _inputs(model: LoadedModel) -> list[tuple[str, bool]]:
    """Name, and whether it may be left out."""
    return [("image", False), *([("next_image", True)] if Task.FLOW in model.tasks else [])]


def _platform(model: LoadedModel) -> str:
    return f"{model.selection.runtime.name}_onnx"  # PROJECT_FORMAT, as the protocol wants it
