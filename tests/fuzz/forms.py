"""Forms of every kind to begin with, and what must hold for whatever becomes of them."""

from server.errors import MalformedBody, Unusable
from server.http.multipart import PartReader

BOUNDARY = "b--1"
NAMES = ("image", "next_image")
BINARY = bytes(range(64))


def corpus() -> list[bytes]:
    """Bodies of browsers, of curl, and of clients with ideas of their own."""
    image = b'Content-Disposition: form-data; name="image"; filename="a.png"\r\n'
    typed = image + b"Content-Type: image/png\r\n"
    bare = b"content-disposition:form-data;name=next_image\r\n"
    other = b"Content-Disposition: form-data; name*=UTF-8''image\r\n"
    begin, end = f"--{BOUNDARY}\r\n".encode(), f"\r\n--{BOUNDARY}--\r\n".encode()
    between = f"\r\n--{BOUNDARY}\r\n".encode()
    return [
        begin + image + b"\r\n\x89PNG" + end,
        begin + typed + b"\r\n\r\n--b-\r\n--b--" + between + bare + b"\r\n" + BINARY + end,
        begin + other + b"\r\nx" + end,
        b"preamble\r\n" + begin + bare + b"\r\n" + end + b"epilogue",
        begin + image + b"X: " + b"y" * 300 + b"\r\n\r\n" + end,
        begin + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n--b--" + end,
        end,
    ]


def check(data: bytes) -> None:
    """Named parts come out, the same wherever the pieces of the body end; or a reason why not."""
    whole = _outcome(data, max(len(data), 1))
    assert _outcome(data, 7) == whole
    assert _outcome(data, 1) == whole


def _outcome(data: bytes, piece_bytes: int) -> dict[str, bytes] | None:
    parts: dict[str, bytes] = {}

    def keep(name: str, piece: bytes) -> None:
        assert name in NAMES
        parts[name] = parts.get(name, b"") + piece

    reader = PartReader(f'multipart/form-data; boundary="{BOUNDARY}"', names=NAMES, on_data=keep)
    try:
        for at in range(0, len(data), piece_bytes):
            reader.write(data[at : at + piece_bytes])
        reader.close()
    except (MalformedBody, Unusable) as error:
        if not 20 < len(str(error)) < 400:
            raise AssertionError(f"not a short reason: {error}") from error
        return None
    assert sum(map(len, parts.values())) < len(data)
    return parts
