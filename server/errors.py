"""Every answer that is not a success: its status, and what came, what was expected, what to do.

Errors follow the data: connection, caller, body, image, request, stream, queue, model. Any module
may raise them; one handler writes them as
`{"error": {"code": ..., "status": ..., "message": ..., "request_id": ...}}`.
"""

# ruff: noqa: N818 - these names read as sentences where they are raised

from collections.abc import Mapping
from typing import ClassVar

MORE_TIME = "allow more with timeout_ms (in /v2: timeout, in us)"
"""What to do about a deadline, by whichever protocol it came."""


class ServerError(Exception):
    """The request was fine, we were not. Its message reaches the client."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"

    @property
    def headers(self) -> Mapping[str, str]:
        """That the answer carries besides."""
        return {}


class RetryLater(ServerError):
    """The same request may succeed in a while."""

    status = 503
    code = "unavailable"

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> Mapping[str, str]:
        """Says when to come again."""
        return {"Retry-After": str(self.retry_after_s)}


class ClientError(ServerError):
    """The request cannot succeed as it is."""

    status = 400
    code = "bad_request"


class Unauthorized(ClientError):
    """No key, or a wrong one."""

    status = 401
    code = "unauthorized"

    @property
    def headers(self) -> Mapping[str, str]:
        """Says how to show a key."""
        return {"WWW-Authenticate": 'Bearer realm="anyres"'}


class ForbiddenOrigin(ClientError):
    """A web page that may not call."""

    status = 403
    code = "forbidden_origin"


class RateLimited(RetryLater):
    """More than this caller may ask."""

    status = 429
    code = "rate_limited"


class HeadTooSlow(ClientError):
    status = 408
    code = "head_too_slow"


class HeadTooLarge(ClientError):
    status = 431
    code = "head_too_large"


class TooManyConnections(RetryLater):
    code = "too_many_connections"


class MalformedBody(ClientError):
    code = "malformed_body"


class InvalidTensor(ClientError):
    """A tensor of /v2 that is not what its name, its shape or its model promise."""

    code = "invalid_tensor"


class UnsupportedExtension(ClientError):
    """A part of /v2 that other servers have."""

    code = "unsupported_extension"


class BodyTooSlow(ClientError):
    status = 408
    code = "body_too_slow"


class BodyTooLarge(ClientError):
    status = 413
    code = "body_too_large"


class UnsupportedBody(ClientError):
    status = 415
    code = "unsupported_body"


class MalformedImage(ClientError):
    code = "malformed_image"


class UnsupportedEncoding(UnsupportedBody):
    """Content-Encoding."""

    code = "unsupported_encoding"

    def __init__(self, message: str, *, accepted: str) -> None:
        super().__init__(message)
        self.accepted = accepted

    @property
    def headers(self) -> Mapping[str, str]:
        """Says which ones are (RFC 9110, section 12.5.3)."""
        return {"Accept-Encoding": self.accepted}


class UnsupportedImage(ClientError):
    status = 415
    code = "unsupported_image"


class TooManyPixels(ClientError):
    status = 413
    code = "too_many_pixels"


class NotAcceptable(ClientError):
    status = 406
    code = "not_acceptable"


class Unusable(ClientError):
    """Well formed, but it has no answer."""

    status = 422
    code = "unusable"


class NotFound(ClientError):
    status = 404
    code = "not_found"


class Forbidden(ClientError):
    status = 403
    code = "forbidden"


class UnknownModel(ClientError):
    status = 404
    code = "unknown_model"


class StreamUnknown(ClientError):
    status = 404
    code = "unknown_stream"


class StreamGone(ClientError):
    """It was there; the client has to start again."""

    status = 410
    code = "stream_gone"


class QueueFull(RetryLater):
    status = 429
    code = "queue_full"


class NotReady(RetryLater):
    code = "not_ready"


class Draining(RetryLater):
    code = "draining"


class DeadlinePassed(ServerError):
    status = 504
    code = "deadline_passed"


class ClientGone(ServerError):
    """Nobody reads this answer; 499 is nginx's number for the log."""

    status = 499
    code = "client_gone"
