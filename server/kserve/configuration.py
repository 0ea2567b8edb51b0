"""A model in the words of Triton's model configuration, as far as there are any."""

from pydantic import BaseModel

from server.config import ServerConfig
from server.kserve.metadata import PIXELS, model_inputs, platform
from server.kserve.outputs import OUTPUTS
from server.roster.served_model import ServedModel

_TRITON_TYPES = {
    "BYTES": "TYPE_STRING",
    "UINT8": "TYPE_UINT8",
    "FP16": "TYPE_FP16",
    "FP32": "TYPE_FP32",
}


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


def model_configuration(model: ServedModel, config: ServerConfig) -> ModelConfiguration:
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
        platform=platform(model),
        backend=runtime.name,
        max_batch_size=0,  # shapes are whole, with their first axis
        input=[
            TensorConfig(name=name, data_type="TYPE_STRING", dims=[-1], optional=optional)
            for name, optional in model_inputs(model)
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
