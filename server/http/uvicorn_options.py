"""What uvicorn is told, so that connections, heads, messages and answers have bounds."""

from functools import partial
from typing import Any

from server.config import ServerConfig
from server.http.connections import ACCEPTED_AT_ONCE, Connections
from server.http.protocol import BoundedProtocol, Deadlines
from server.http.socket_protocol import BoundedSocket
from server.watching.telemetry import Telemetry


def uvicorn_options(config: ServerConfig, telemetry: Telemetry) -> dict[str, Any]:
    """What `uvicorn.Config` needs to hold these limits, over WebSockets too. Once per server."""
    connections = Connections(
        max_connections=config.max_connections, max_unsent_bytes=config.max_unsent_bytes
    )
    telemetry.watch("anyres_connections", "Open over HTTP.", lambda: len(connections))
    telemetry.watch(
        "anyres_unsent_bytes", "Of slowly taken answers.", lambda: connections.num_unsent_bytes
    )
    deadlines = Deadlines(
        head_s=config.head_timeout_s, body_s=config.body_timeout_s, send_s=config.send_timeout_s
    )

    def dropped(reason: str) -> None:
        telemetry.connections_dropped.labels(reason).inc()

    return {
        "http": partial(BoundedProtocol, deadlines=deadlines, room=connections, on_dropped=dropped),
        "h11_max_incomplete_event_size": config.max_head_bytes,
        "backlog": ACCEPTED_AT_ONCE,
        "timeout_keep_alive": max(1, round(config.keep_alive_s)),
        "ws": partial(
            BoundedSocket, room=connections, send_s=config.send_timeout_s, on_dropped=dropped
        ),
        "ws_max_size": config.max_frame_bytes,
        # Whoever sends ahead is not read from meanwhile, nor are its pongs: that none has come says
        # nothing. Those who are gone are ended as idle.
        "ws_ping_timeout": None,
        "ws_per_message_deflate": False,  # images are compressed already; and no bombs
    }
