"""How OpenAPI sees a body that is JSON, or JSON with bytes behind it."""

from typing import Any

from pydantic import BaseModel

from server.kserve.body import LENGTH_HEADER
from server.kserve.request import InferRequest

_BINARY: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string"}}}
_BINARY["application/octet-stream"]["schema"]["format"] = "binary"
_LENGTH = {"type": "integer", "minimum": 0}


def infer_body() -> dict[str, Any]:
    """What POST .../infer takes."""
    return {
        "parameters": [
            {
                "name": LENGTH_HEADER,
                "in": "header",
                "required": False,
                "description": "Bytes of the JSON, before compression, if tensors follow it.",
                "schema": _LENGTH,
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _whole_schema(InferRequest)}, **_BINARY},
        },
    }


def infer_answer() -> dict[int | str, dict[str, Any]]:
    """What POST .../infer gives if all is well."""
    return {
        200: {
            "description": "JSON, or JSON and the bytes of binary outputs behind it.",
            "content": _BINARY,
            "headers": {
                LENGTH_HEADER: {
                    "description": "Bytes of the JSON, before compression, if outputs follow it.",
                    "schema": _LENGTH,
                }
            },
        },
    }


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """A body that may be left out."""
    content = {"application/json": {"schema": _whole_schema(model)}}
    return {"requestBody": {"required": False, "content": content}}


def _whole_schema(model: type[BaseModel]) -> Any:
    """A schema without references: FastAPI collects those of parameters only, and this is none."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def whole(node: Any) -> Any:
        if isinstance(node, list):
            return [whole(part) for part in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            rest = {key: value for key, value in node.items() if key != "$ref"}
            return whole(parts[node["$ref"].rpartition("/")[2]]) | rest
        return {key: whole(value) for key, value in node.items()}

    return whole(schema)
