"""Log lines: for people, or one JSON object each for machines."""

import json
import logging
from typing import Any, Literal

_EXTRAS = ("request_id", "method", "path", "status", "seconds", "caller")


class JsonFormatter(logging.Formatter):
    """One object per line: time, level, logger, message, and what the line is about."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging."""
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _EXTRAS if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logging(style: Literal["text", "json"]) -> None:
    """Send everything to standard error, in one form."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        JsonFormatter()
        if style == "json"
        else logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Ours has the request id and the time; uvicorn's line would be the second for each request.
    logging.getLogger("uvicorn.access").disabled = True
