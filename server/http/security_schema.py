"""What OpenAPI says of keys, so that /docs can show them and clients can be generated."""

from typing import Any

from fastapi import FastAPI

from server.http.error_answers import is_v2
from server.http.guard import is_open
from server.service import Service

SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}

ANSWERS = {"401": "No key, or one that is not known.", "429": "This key asked too often."}


def document_keys(app: FastAPI, service: Service) -> None:
    """Add the two ways to show a key to the schema, where one is needed."""
    if not service.callers.need_a_key:
        return
    write = app.openapi

    def openapi() -> dict[str, Any]:
        schema = write()
        schema["components"].setdefault("securitySchemes", {}).update(SCHEMES)
        schema["security"] = [{name: []} for name in SCHEMES]
        for path, operations in schema["paths"].items():
            if is_open(path, service.config):
                for operation in operations.values():
                    operation.setdefault("security", [])  # to manage models takes another key
                continue
            kind = "ErrorSentence" if is_v2(path) else "ErrorAnswer"
            error = {"application/json": {"schema": {"$ref": f"#/components/schemas/{kind}"}}}
            for operation in operations.values():
                for status, description in ANSWERS.items():
                    operation["responses"].setdefault(
                        status, {"description": description, "content": error}
                    )
        return schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way
