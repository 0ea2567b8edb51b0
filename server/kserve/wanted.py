"""The outputs that a request asks for."""

from dataclasses import dataclass

from models.task import Task
from server.errors import InvalidTensor, Unusable
from server.kserve.outputs import OUTPUTS, Output
from server.kserve.request import InferRequest
from server.roster.served_model import ServedModel


@dataclass(frozen=True, kw_only=True)
class WantedOutput:
    """One map, and how it travels."""

    output: Output
    binary: bool


def wanted_outputs(
    request: InferRequest, model: ServedModel, *, has_next: bool
) -> tuple[WantedOutput, ...]:
    """In the order that they were asked for; all that the inputs allow, if none was.

    Args:
        request: names them, and says how their numbers travel.
        model: that has to give them.
        has_next: whether there is something to compute flow from.

    Raises:
        InvalidTensor: the model or the inputs do not allow one.
    """
    by_default = request.parameters.binary_data_output
    has = [output for output in OUTPUTS.values() if output.task in model.tasks]
    if not request.outputs:
        allowed = [output for output in has if has_next or output.task is not Task.FLOW]
        if not allowed:
            raise InvalidTensor(f"{model.name} has flow alone: send the input next_image too")
        return tuple(WantedOutput(output=output, binary=by_default) for output in allowed)
    wanted = []
    for asked in request.outputs:
        output = OUTPUTS[asked.name]
        if output not in has:
            raise InvalidTensor(
                f"output {asked.name} was asked for, but {model.name} has "
                f"{', '.join(o.name for o in has)}: ask for these"
            )
        if output.task is Task.FLOW and not has_next:
            raise InvalidTensor(
                f"output {asked.name} is about the motion between two images, one came: send the "
                f"input next_image too"
            )
        binary = asked.parameters.binary_data
        wanted.append(WantedOutput(output=output, binary=by_default if binary is None else binary))
    return tuple(wanted)


def check_json_values(
    outputs: tuple[WantedOutput, ...], area: int, *, max_json_values: int
) -> None:
    """Whether those that come as JSON are not too long for it.

    Args:
        outputs: all.
        area: pixels of the images that they are about.
        max_json_values: numbers.

    Raises:
        Unusable
    """
    as_json = [wanted.output for wanted in outputs if not wanted.binary]
    num_values = area * sum(output.values_per_pixel for output in as_json)
    if num_values > max_json_values:
        raise Unusable(
            f"{', '.join(output.name for output in as_json)} as JSON would be {num_values} "
            f"numbers, this server writes at most {max_json_values}: ask for binary data (the "
            f"parameter binary_data_output of the request, or binary_data of an output), or for "
            f"fewer outputs"
        )
