"""Log lines: for people, or one JSON object each for machines.

No line can be forged: whatever comes from outside is on one line, its control characters escaped.
"""

import json
import logging
import re
from typing import Any, Literal

from server.watching.request_record import current_record

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
# C0, DEL, C1, and what Unicode calls line and paragraph separators.
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


class JsonFormatter(logging.Formatter):
    """One object per line: time, level, logger, message, and what the line is about."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging."""
        line: dict[str, Any] = {
            "time": f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}"
            f"{self.formatTime(record, '%z')}",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := current_record().request_id:
            line["request_id"] = request_id
        line |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # Not ASCII: json escapes control characters by itself, but not line separators.
        return _CONTROLS.sub(_escaped, json.dumps(line, ensure_ascii=False, default=str))


class TextFormatter(logging.Formatter):
    """A line for people. What is said about a request ends with its id."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """See logging. A traceback comes after it, on lines of its own."""
        request_id = current_record().request_id
        about = f" [{request_id}]" if request_id else ""
        return _CONTROLS.sub(_escaped, super().formatMessage(record) + about)


def configure_logging(style: Literal["text", "json"]) -> None:
    """Send everything to standard error, in one form."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if style == "json" else TextFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # A full disk behind standard error must not fill it with tracebacks as well.
    logging.raiseExceptions = False
    # Ours has the request id and the time; uvicorn's line would be the second for each request.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").addFilter(_is_worth_a_line)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Not what uvicorn says of WebSockets: their query strings, and that a handshake which was
    refused with an answer was never completed. Each has a line of ours."""
    text = str(record.msg)
    return '"WebSocket ' not in text and "without completing handshake" not in text


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
