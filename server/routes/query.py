"""The query string of predictions and of frames, and what it orders."""

import difflib
from collections import Counter
from collections.abc import Mapping
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import HTTPConnection

from models.task import Task
from server.answers.depth_choice import DepthChoice
from server.answers.form import Form, Render
from server.answers.negotiation import Media, choose_media
from server.codecs.decode import Orientation
from server.codecs.raw_arrays import Dtype
from server.errors import Unusable
from server.http.error_answers import validation_text
from server.pipeline import Order
from server.routes.models import SPEC
from server.scheduling.job import Priority

TASKS = r"^(segmentation|depth|flow)(,(segmentation|depth|flow))*$"

# Of a constraint on "a value or nothing" the schema would hear nothing: so it is told apart.
_MODEL = Field(default=None, pattern=SPEC, json_schema_extra={"pattern": SPEC})


async def said_once(connection: HTTPConnection) -> None:
    """A dependency: no parameter comes twice, of which one would be overlooked.

    Raises:
        Unusable
    """
    counts = Counter(name for name, _ in connection.query_params.multi_items())
    for name, count in counts.items():
        if count > 1:
            raise Unusable(
                f"{name!r:.80} came {count} times in the query, expected once: several tasks are "
                f"parted by commas, as in tasks=depth,flow"
            )


class StrictQuery(BaseModel):
    """A query in which no parameter is overlooked."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _name_the_unknown(cls, values: Mapping[str, object]) -> Mapping[str, object]:
        known = list(cls.model_fields)
        for name in values:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                raise ValueError(
                    f"{name!r:.80} is no parameter here, expected some of {', '.join(known)}: "
                    f"{f'was {near[0]} meant?' if near else 'leave it out'}"
                )
        return values


class MapsQuery(StrictQuery):
    """What is wanted, and in which form."""

    tasks: str | SkipJsonSchema[None] = Field(default=None, json_schema_extra={"pattern": TASKS})
    """Comma-separated: segmentation, depth, flow. By default all that the input allows."""

    orientation: Orientation = "display"
    """display applies the EXIF rotation, raw leaves the image as it is stored."""

    depth: DepthChoice | SkipJsonSchema[None] = None
    """relative: inverse depth without a scale, which every model can give. metric: metres, 422 if
    the model does not know them. By default as the model has it; GET /v1/models says which."""

    priority: Literal["interactive", "batch"] = "interactive"
    """batch waits while others are in a hurry, though not for ever."""

    timeout_ms: float | SkipJsonSchema[None] = Field(
        default=None, gt=0, allow_inf_nan=False, json_schema_extra={"exclusiveMinimum": 0}
    )
    """Give up with 504 after so long. The server's own limit holds besides."""

    render: Render | SkipJsonSchema[None] = None
    """data: numbers; color: pictures to look at in place of them; overlay: the same laid over the
    image. By default data, but color in image/jpeg, which holds no numbers: data is 422 there."""

    inline: bool = False
    """Put each map as a base64 PNG into the JSON."""

    uncertainty: bool | SkipJsonSchema[None] = None
    """Also the maps of confidence and uncertainty. By default among arrays, not among PNGs."""

    dtype: Dtype | SkipJsonSchema[None] = None
    """Of depth and flow as arrays. By default float16 in multipart/mixed, float32 in npz."""

    def timeout_s(self, most_s: float) -> float:
        """How long the client wants to wait, at most so long."""
        return most_s if self.timeout_ms is None else min(most_s, self.timeout_ms / 1e3)

    def order(self, accept: str | None, *, started_s: float, most_s: float) -> Order:
        """What to compute and how to say it; `most_s` is the longest that a request may take.

        Raises:
            NotAcceptable, Unusable
        """
        form = Form(
            media=choose_media(accept),
            render=self.render,
            inline=self.inline,
            uncertainty=self.uncertainty,
            dtype=self.dtype,
            depth=self.depth,
        )
        return Order(
            tasks=parse_tasks(self.tasks),
            form=form,
            orientation=self.orientation,
            priority=Priority(self.priority),
            deadline_s=started_s + self.timeout_s(most_s),
        )


class PredictQuery(MapsQuery):
    """Of one image or a pair."""

    model: str | SkipJsonSchema[None] = _MODEL
    """name or name@version, as GET /v1/models lists them. By default the server's own choice."""


def parse_tasks(tasks: str | None) -> tuple[Task, ...] | None:
    """The tasks of a query, each once, in the order of Task; None if it leaves them open.

    Raises:
        Unusable
    """
    if tasks is None:
        return None
    names = set(tasks.split(","))
    known = [task.value for task in Task]
    if not names <= set(known):
        raise Unusable(f"tasks is {tasks!r:.80}, expected some of {','.join(known)}")
    return tuple(task for task in Task if task.value in names)


class LiveQuery(PredictQuery):
    """Of a WebSocket: a page cannot set its headers."""

    accept: str = Media.JSON.value
    """As the header of that name."""

    latest: bool = False
    """A frame that waits gives way to a newer one."""


Q = TypeVar("Q", bound=BaseModel)


def check_query(kind: type[Q], values: Mapping[str, str]) -> Q:
    """A query that FastAPI did not check.

    Raises:
        Unusable
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise Unusable(validation_text(error.errors())) from error


class StreamQuery(StrictQuery):
    """Of a new stream."""

    model: str | SkipJsonSchema[None] = _MODEL
    """name or name@version, as GET /v1/models lists them. By default the server's own choice."""
