"""multipart/mixed: several files in one body, each behind a few lines that name it.

Any MIME reader takes it apart, Python's `email` among them; one that trusts Content-Length can jump
from part to part. Source of the format: RFC 2046, section 5.1.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from server.answers.negotiation import Media
from server.codecs.pieces import Pieces, num_bytes


@dataclass(frozen=True, kw_only=True)
class Part:
    """One file."""

    name: str
    filename: str
    content_type: str
    pieces: Pieces


def write_mixed(parts: Sequence[Part]) -> tuple[str, Pieces]:
    """The Content-Type with its boundary, and the body."""
    # 128 random bits do not occur in the data, so nobody has to look.
    boundary = f"anyres-{secrets.token_hex(16)}"
    pieces: list[bytes | memoryview] = []
    for part in parts:
        head = (
            f"\r\n--{boundary}\r\n"
            f"Content-Type: {part.content_type}\r\n"
            f'Content-Disposition: attachment; name="{part.name}"; filename="{part.filename}"\r\n'
            f"Content-Length: {num_bytes(part.pieces)}\r\n\r\n"
        )
        if not pieces:
            head = head.removeprefix("\r\n")
        pieces += [head.encode("ascii"), *part.pieces]
    return f"{Media.MULTIPART}; boundary={boundary}", (*pieces, f"\r\n--{boundary}--\r\n".encode())
