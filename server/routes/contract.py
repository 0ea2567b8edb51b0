"""What OpenAPI says of bodies, answers and errors: the same for every route that takes images."""

from typing import Any

from pydantic import BaseModel

from server.answers.negotiation import Media
from server.answers.schemas import ErrorAnswer
from server.http.upload import IMAGE_TYPES

_BINARY = {"type": "string", "format": "binary"}
_SERVER_TIMING = {
    "description": "Milliseconds of each stage: decode, queue, infer, encode.",
    "schema": {"type": "string"},
}

MEANINGS = {
    400: "Malformed: the body, the form or the image.",
    401: "No key, or one that is not known. WWW-Authenticate says how to show it.",
    403: "Not allowed here.",
    404: "No such model, or no such stream of this key.",
    406: "Accept names no form that this server writes.",
    408: "The body did not arrive in time.",
    410: "The stream was closed, idle for too long or made room for others: start again.",
    413: "Too many bytes or pixels.",
    415: "A type of image, or an encoding, that is not taken.",
    422: "Well formed, but there is no answer to it.",
    429: "Too much is going on here, or this key asked too often. Retry-After says when to come.",
    500: "We broke. The log has it under the request's id.",
    503: "Starting or draining. Retry-After says when to come.",
    504: "The deadline passed; the work was dropped.",
}
ALWAYS = (401, 422, 429, 500)
WITH_A_MODEL = (404, 503)
WITH_IMAGES = (400, 406, 408, 413, 415, 504)


def errors(*statuses: int, model: type[BaseModel] = ErrorAnswer) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of a route."""
    return {
        status: {"model": model, "description": MEANINGS[status]} for status in sorted(statuses)
    }


def image_body(*parts: str) -> dict[str, Any]:
    """For `openapi_extra=`: the image itself, or a form with these fields, the first required."""
    content: dict[str, Any] = {kind: {"schema": _BINARY} for kind in IMAGE_TYPES}
    content["multipart/form-data"] = {
        "schema": {
            "type": "object",
            "required": [parts[0]],
            "properties": dict.fromkeys(parts, _BINARY),
            "additionalProperties": False,
        },
        "encoding": {part: {"contentType": ", ".join(IMAGE_TYPES[:3])} for part in parts},
    }
    return {"requestBody": {"required": True, "content": content}}


def maps(description: str, *headers: str) -> dict[int | str, dict[str, Any]]:
    """For `responses=`: an answer in one of our forms."""
    return {
        200: {
            "description": description,
            "content": {
                media.value: {"schema": _BINARY} for media in Media if media is not Media.JSON
            },
            "headers": {
                "Server-Timing": _SERVER_TIMING,
                **{name: {"schema": {"type": "string"}} for name in headers},
            },
        }
    }
