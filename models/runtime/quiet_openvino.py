"""OpenVINO's module, imported without its telemetry.

By default (2026.4.1) its import reports to Google Analytics from a fork of this process. The fork
inherits the server's handler of SIGTERM, so nothing ends it where the network swallows what it
sends, and the server waits for it at its own end; it may also inherit a lock that nobody opens.
"""

import sys
import threading
from typing import Any

TELEMETRY = "openvino_telemetry"
_LOCK = threading.Lock()


def import_openvino() -> Any:
    """The module. Where others have imported it before, nothing is left to do.

    Raises:
        ImportError: it is not installed.
    """
    if "openvino" not in sys.modules:
        with _LOCK:
            _import_with_stub()
    import openvino  # waits for whoever has begun to import it

    return openvino


def _import_with_stub() -> None:
    """OpenVINO has a stub of its telemetry for where that cannot be imported."""
    real = sys.modules.get(TELEMETRY)
    sys.modules[TELEMETRY] = None  # type: ignore[assignment]
    try:
        import openvino  # noqa: F401
    finally:
        del sys.modules[TELEMETRY]
        if real is not None:
            sys.modules[TELEMETRY] = real
