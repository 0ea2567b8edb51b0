"""The key in a header that every HTTP library can set."""

from starlette.datastructures import Headers


def bearer(headers: Headers) -> str | None:
    """What came as `Authorization: Bearer KEY` (RFC 6750, section 2.1); None if nothing did."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None
