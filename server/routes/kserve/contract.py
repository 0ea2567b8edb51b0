"""What OpenAPI says of errors below /v2."""

from typing import Any

from server.answers.schemas import ErrorSentence
from server.routes.contract import errors

MODEL = ("/models/{name}", "/models/{name}/versions/{version}")
"""Two ways to each model: its newest version, or one by name."""


def sentences(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of a route."""
    return errors(*statuses, model=ErrorSentence)
