"""What the routes below /v2 share."""

from typing import Any

from server.answers.schemas import ErrorSentence
from server.routes.contract import errors

PREFIX = "/v2"
"""Of each part's router, not of their inclusion: the log and the metrics name a route by what its
own router knows."""
MODEL = ("/models/{name}", "/models/{name}/versions/{version}")
"""Two ways to each model: its newest version, or one by name."""


def sentences(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of a route."""
    return errors(*statuses, model=ErrorSentence)
