"""Errors as JSON, whoever raised them: our tree, FastAPI's validation, Starlette's router."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette._utils import get_route_path
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Match

from server.answers.schemas import ErrorAnswer, ErrorBody, ErrorSentence
from server.errors import ServerError, Unusable
from server.mistakes import mistake

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_CODES = {404: "not_found", 405: "method_not_allowed"}


def error_answer(error: ServerError, request_id: str, *, path: str) -> Response:
    """The answer for an error of our tree; its form follows the path."""
    return _answer(
        status=error.status,
        code=error.code,
        message=str(error),
        request_id=request_id,
        path=path,
        headers=dict(error.headers),
    )


def error_json(error: ServerError, request_id: str) -> str:
    """The body of that answer."""
    return _json(
        status=error.status, code=error.code, message=str(error), request_id=request_id
    ).model_dump_json()


def install_error_answers(app: FastAPI) -> None:
    """Make every error of the application take the same form."""

    async def ours(request: HTTPConnection, error: Exception) -> Response:
        assert isinstance(error, ServerError)
        app.state.service.telemetry.refused(error)
        return error_answer(error, request.state.request_id, path=get_route_path(request.scope))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await ours(request, Unusable(validation_text(error.errors())))

    async def routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path = get_route_path(request.scope)
        came = f"{request.method} {path!r:.200}"
        headers = dict(error.headers or {})
        message = f"{came}: {error.detail}"
        if error.status_code == 404:
            message = (
                f"{came} leads nowhere: POST /v1/predict is the way to predictions, /docs lists "
                f"the others"
            )
        if error.status_code == 405:
            headers["Allow"] = _allowed(request)
            allowed = headers["Allow"].replace(", ", " or ")
            message = f"{came} came, this path takes {allowed}: use that method"
        return _answer(
            status=error.status_code,
            code=_CODES.get(error.status_code, "http_error"),
            message=message,
            request_id=request.state.request_id,
            path=path,
            headers=headers,
        )

    app.add_exception_handler(ServerError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, routing)


def validation_text(problems: Sequence[Any]) -> str:
    """What came in a query or a path, what was expected, what to do.

    Args:
        problems: as pydantic's errors() has them.
    """
    sentences = []
    for problem in problems:
        names = [str(part) for part in problem["loc"] if part not in ("path", "query")]
        if problem["type"] == "none_required":
            continue  # "a number or nothing" fails in both
        if not names:
            sentences.append(mistake("", problem))
        elif problem["loc"][0] == "path":
            sentences.append(f"{mistake(f'{names[0]} in the path', problem)}: correct it")
        else:
            sentences.append(f"{mistake(names[0], problem)}: correct it, or leave it out")
    return "; ".join(sentences)


def is_v2(path: str) -> bool:
    """Whether errors take the form of the Open Inference Protocol there."""
    return path == "/v2" or path.startswith("/v2/")


def _allowed(request: Request) -> str:
    """The methods of every route of this path. Starlette names those of the first alone."""
    allowed = []
    for method in METHODS:
        scope = {**request.scope, "method": "GET" if method == "HEAD" else method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes):
            allowed.append(method)
    return ", ".join(allowed)


def _answer(
    *, status: int, code: str, message: str, request_id: str, path: str, headers: dict[str, str]
) -> Response:
    if is_v2(path):
        text = ErrorSentence(error=message).model_dump_json()
    else:
        body = _json(status=status, code=code, message=message, request_id=request_id)
        text = body.model_dump_json()
    return Response(text, status, {**headers, "Vary": "Accept"}, "application/json")


def _json(*, status: int, code: str, message: str, request_id: str) -> ErrorAnswer:
    return ErrorAnswer(
        error=ErrorBody(code=code, status=status, message=message, request_id=request_id)
    )
