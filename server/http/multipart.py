"""The parts of a multipart/form-data body, as it arrives."""

from collections.abc import Callable

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from server.errors import MalformedBody, Unusable

MAX_HEADERS = 8  # of one part; a browser writes two
MAX_HEADER_BYTES = 4096


class PartReader:
    """Cuts a body into named parts. Only the names it was told are let in, each once.

    `on_data` sees each piece of a part with the part's name.
    """

    def __init__(
        self, content_type: str, *, names: tuple[str, ...], on_data: Callable[[str, bytes], None]
    ) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if not 1 <= len(boundary) <= 70:  # RFC 2046, section 5.1.1
            raise MalformedBody(
                f"Content-Type is {content_type!r:.200}, expected a boundary of 1 to 70 characters:"
                f" let the HTTP library write this header"
            )
        self._names = names
        self._on_data = on_data
        self._seen: list[str] = []
        self._field, self._value = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._finished = False
        self._marker = b"--" + boundary
        self._start: bytes | None = b""
        """Until it is known to be the marker."""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._headers.clear,
                "on_header_begin": self._begin_header,
                "on_header_field": lambda data, start, end: self._field.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._begin_part,
                "on_part_data": lambda data, start, end: self._on_data(
                    self._seen[-1], data[start:end]
                ),
                "on_end": self._end,
            },
            max_header_count=MAX_HEADERS,
            max_header_size=MAX_HEADER_BYTES,
        )

    def write(self, data: bytes) -> None:
        """Take the next piece of the body.

        Raises:
            MalformedBody: it is not multipart.
            Unusable: a part that is not expected, or one that comes twice.
        """
        if self._start is not None:
            self._start = (self._start + data).lstrip(b"\r\n")
            if len(self._start) < len(self._marker):
                return
            self._check_start(self._start)
            data, self._start = self._start, None
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise MalformedBody(
                f"the multipart body is broken ({error}): let the HTTP library write it"
            ) from error

    def close(self) -> None:
        """The body has ended.

        Raises:
            MalformedBody: before its closing boundary.
        """
        if not self._finished:
            raise MalformedBody(
                "the multipart body ends before its closing boundary: send the whole body"
            )

    def _check_start(self, start: bytes) -> None:
        """RFC 2046 allows words before the first part. Nobody writes any, and python-multipart
        reads them differently when they come in pieces."""
        if not start.startswith(self._marker):
            raise MalformedBody(
                f"the multipart body starts with {start[:40]!r}, expected the boundary "
                f"{self._marker[:80]!r}: let the HTTP library write it"
            )

    def _begin_header(self) -> None:
        self._field.clear()
        self._value.clear()

    def _end_header(self) -> None:
        self._headers[bytes(self._field).lower()] = bytes(self._value)

    def _begin_part(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("latin-1")
        if name not in self._names:
            raise Unusable(
                f"the form has a field {name!r:.80}, expected {' and '.join(self._names)}: options "
                f"like tasks go into the query string"
            )
        if name in self._seen:
            raise Unusable(f"the form has two fields {name!r}, expected one")
        self._seen.append(name)

    def _end(self) -> None:
        self._finished = True
