"""Which form of an answer the client wants (RFC 9110, sections 12.4.2 and 12.5.1)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from server.errors import NotAcceptable


class Media(StrEnum):
    """Forms of an answer, the preferred first."""

    JSON = "application/json"
    ZIP = "application/zip"
    NPZ = "application/x-npz"
    MULTIPART = "multipart/mixed"
    PNG = "image/png"
    JPEG = "image/jpeg"


# What we write says so much of itself. A range with another parameter asks for something else.
_PARAMETERS: Mapping[Media, Mapping[str, str]] = {Media.JSON: {"charset": "utf-8"}}

MAX_ACCEPT_CHARS = 4096
_QUALITY = re.compile(r"[01]?(\.\d*)?")  # ".5" and more than three digits are seen in the wild


@dataclass(frozen=True, kw_only=True)
class _Range:
    kind: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    quality: float = 1.0

    def specificity(self, media: Media) -> int:
        """0 does not match, 1 takes all, 2 names its type, 3 names it, more with parameters."""
        has = _PARAMETERS.get(media, {})
        if any(has.get(name) != value for name, value in self.parameters.items()):
            return 0
        if self.kind == media:
            return 3 + len(self.parameters)
        if self.kind == media.partition("/")[0] + "/*":
            return 2
        return 1 if self.kind in ("*/*", "*") else 0  # "*" alone: old Java clients


def choose_media(accept: str | None) -> Media:
    """The best form by the client's own weights; JSON if it does not care.

    For each form the most specific range that matches it counts. Between forms of equal weight the
    one named more specifically wins, then the one that stands first in `Media`.

    Args:
        accept: the header; several are joined with commas. None or empty: anything.

    Raises:
        NotAcceptable: no form that we write is in the header.
    """
    if accept is not None and len(accept) > MAX_ACCEPT_CHARS:
        raise NotAcceptable(
            f"Accept is {len(accept)} characters long, expected at most {MAX_ACCEPT_CHARS}: name "
            f"one of {', '.join(Media)}"
        )
    ranges = [*_parse(accept or "")] or [_Range(kind="*/*")]
    best, best_rank = None, (0.0, 0)
    for media in Media:
        specificity, quality = max((r.specificity(media), r.quality) for r in ranges)
        if specificity and quality > 0 and (quality, specificity) > best_rank:
            best, best_rank = media, (quality, specificity)
    if best is None:
        raise NotAcceptable(
            f"Accept is {accept!r:.200}, expected one of {', '.join(Media)}: name one of these"
        )
    return best


def _parse(accept: str) -> Iterator[_Range]:
    for text in _split(accept, ","):
        kind, *pieces = _split(text, ";")
        if not kind:
            continue
        parameters: dict[str, str] = {}
        quality = 1.0
        for piece in pieces:
            name, _, value = (part.strip() for part in piece.partition("="))
            if name.lower() == "q":
                quality = _quality(value)
            elif name:
                parameters[name.lower()] = _unquoted(value).lower()
        yield _Range(kind=kind.lower(), parameters=parameters, quality=quality)


def _split(text: str, separator: str) -> list[str]:
    """At each separator that does not stand in quotes."""
    pieces, start = [], 0
    quoted = escaped = False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = quoted
        elif char == '"':
            quoted = not quoted
        elif char == separator and not quoted:
            pieces.append(text[start:at].strip())
            start = at + 1
    return [*pieces, text[start:].strip()]


def _quality(text: str) -> float:
    """0 to 1; what cannot be read is not wanted."""
    if not _QUALITY.fullmatch(text) or not text.strip("."):
        return 0.0
    return min(1.0, float(text))


def _unquoted(text: str) -> str:
    is_quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if is_quoted else text
