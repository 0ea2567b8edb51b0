"""The keys that clients show, and the names by which logs and metrics know them.

A line is `name:secret`, then perhaps this key's own limits:

    # who:secret                          limits
    dashboard:3f9c0e6a5d1b4c7e8a2f
    camera-7:b51d8a60c2e94f7d9e03 requests_per_s=30 mpx_per_s=60

Only digests stay in memory: a key is in no log, no dump of the settings, no traceback.
"""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from server.errors import ServerError

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")  # it goes into logs and labels
SECRET = re.compile(r"[\x21-\x2b\x2d-\x7e]{16,256}")  # fits a header; no comma: it parts entries
SETTING = "api_keys"
LIMITS = ("requests_per_s", "mpx_per_s")


class ApiKeyError(ServerError):
    """A list of keys that cannot be read. Its text never holds a secret."""


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """One key; None means the server's own limit."""

    name: str
    digest: bytes = field(repr=False)
    requests_per_s: float | None = None
    mpx_per_s: float | None = None


def digest(secret: str) -> bytes:
    """What is kept of a key, and compared: all of one length."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def read_api_keys(*, text: str = "", file: Path | None = None) -> tuple[ApiKey, ...]:
    """Keys from a setting, parted by commas, and from a file, one in a line.

    Raises:
        ApiKeyError: a line that is none, a name or a secret that comes twice, or a file that
            cannot be read.
    """
    entries = [(SETTING, n, entry) for n, entry in enumerate(text.split(","), start=1)]
    if file is not None:
        lines = _lines(file)
        entries += [(str(file), n, line) for n, line in enumerate(lines, start=1)]
    keys: list[ApiKey] = []
    for source, number, entry in entries:
        words = entry.partition("#")[0].split() if source != SETTING else entry.split()
        if not words:
            continue
        key = _parse(words, where=f"{source}, entry {number}")
        if any(key.name == other.name or key.digest == other.digest for other in keys):
            raise ApiKeyError(
                f"{source}, entry {number}: the name {key.name!r} or its secret is there already: "
                f"give every client a name and a secret of its own"
            )
        keys.append(key)
    if file is not None and not keys:
        raise ApiKeyError(
            f"{file} holds no key: write name:secret lines, or drop api_keys_file to let all in"
        )
    return tuple(keys)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ApiKeyError(
            f"{file} cannot be read ({reason}), expected name:secret lines: correct api_keys_file"
        ) from None  # what it decoded may be a secret


def _parse(words: list[str], *, where: str) -> ApiKey:
    # Messages show neither half before both are good: they may be swapped.
    name, colon, secret = words[0].partition(":")
    if not colon or not NAME.fullmatch(name):
        raise ApiKeyError(
            f"{where}: expected name:secret with a name of letters, digits and ._-: a name goes "
            f"into logs"
        )
    if not SECRET.fullmatch(secret):
        raise ApiKeyError(
            f"{where}: the secret has {len(secret)} characters, expected 16 to 256 "
            f"printable ones without spaces and commas: python -c 'import secrets; "
            f"print(secrets.token_urlsafe(24))' makes one"
        )
    limits: dict[str, float] = {}
    for word in words[1:]:
        limit, _, value = word.partition("=")
        if limit not in LIMITS or not re.fullmatch(r"\d+(\.\d+)?", value):
            raise ApiKeyError(
                f"{where}: behind the key of {name!r} expected {' or '.join(LIMITS)}=number: "
                f"requests_per_s=5 for example"
            )
        limits[limit] = float(value)
    return ApiKey(
        name=name,
        digest=digest(secret),
        requests_per_s=limits.get("requests_per_s"),
        mpx_per_s=limits.get("mpx_per_s"),
    )
