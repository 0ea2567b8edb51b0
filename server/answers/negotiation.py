"""Which form of an answer the client wants (RFC 9110, section 12.5.1)."""

from dataclasses import dataclass
from enum import StrEnum

from server.errors import NotAcceptable


class Media(StrEnum):
    """Forms of an answer, the preferred first."""

    JSON = "application/json"
    ZIP = "application/zip"
    NPZ = "application/x-npz"
    PNG = "image/png"
    JPEG = "image/jpeg"


@dataclass(frozen=True, kw_only=True)
class _Range:
    kind: str
    quality: float

    def specificity(self, media: Media) -> int:
        """3 names it, 2 names its type, 1 takes all, 0 does not match."""
        if self.kind == media:
            return 3
        if self.kind == media.partition("/")[0] + "/*":
            return 2
        return 1 if self.kind == "*/*" else 0


def choose_media(accept: str | None) -> Media:
    """The best form by the client's own weights; JSON if it does not care.

    Raises:
        NotAcceptable: no form that we write is in the header.
    """
    ranges = [_parse(part) for part in (accept or "*/*").split(",") if part.strip()]
    best, best_quality = None, 0.0
    for media in Media:
        matching = [r for r in ranges if r.specificity(media)]
        if not matching:
            continue
        quality = max(matching, key=lambda r: r.specificity(media)).quality
        if quality > best_quality:
            best, best_quality = media, quality
    if best is None:
        raise NotAcceptable(
            f"Accept is {accept!r:.200}, expected one of {', '.join(Media)}: name one of these"
        )
    return best


def _parse(part: str) -> _Range:
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = min(1.0, max(0.0, float(value)))
            except ValueError:
                quality = 0.0  # what cannot be read is not wanted
    return _Range(kind=kind, quality=quality)
