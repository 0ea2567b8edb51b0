"""The images of a request: received under limits, not yet decoded."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from server.errors import BodyTooLarge, BodyTooSlow, ClientGone, MalformedImage, UnsupportedBody
from server.http.multipart import PartReader

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "application/octet-stream")
PARTS = ("image", "next_image")
EARLY_LOOKS_BYTES = (64, 64 * 2**10)  # PNG and WebP headers; nearly every JPEG header with EXIF


@dataclass(frozen=True, kw_only=True)
class UploadLimits:
    """What a body may be."""

    max_body_bytes: int
    body_timeout_s: float


async def receive_images(
    request: Request, *, limits: UploadLimits, check_header: Callable[[bytes], object]
) -> Mapping[str, bytes]:
    """The encoded images by name, "image" and perhaps "next_image".

    Args:
        request: its body is the image itself, or a form with the two fields.
        limits: bytes are counted as they arrive, whatever Content-Length says.
        check_header: called with the first bytes of an image, when they are there; what it raises
            ends the upload. MalformedImage alone is not final: the header may still be arriving.

    Raises:
        UnsupportedBody, BodyTooLarge, BodyTooSlow, MalformedBody, Unusable, ClientGone
    """
    kind = _content_type(request)
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limits.max_body_bytes:
        raise _too_large(f"{announced} bytes are announced", limits)
    images: dict[str, bytearray] = {}

    def keep(name: str, piece: bytes) -> None:
        image = images.setdefault(name, bytearray())
        before = len(image)
        image += piece
        if any(before < look <= len(image) for look in EARLY_LOOKS_BYTES):
            try:
                check_header(bytes(image[: EARLY_LOOKS_BYTES[-1]]))
            except MalformedImage:
                return  # more may come; the whole image is checked again

    parts = None
    if kind == "multipart/form-data":
        parts = PartReader(request.headers["content-type"], names=PARTS, on_data=keep)
    num_bytes = 0
    try:
        async with asyncio.timeout(limits.body_timeout_s):
            async for piece in request.stream():
                num_bytes += len(piece)
                if num_bytes > limits.max_body_bytes:
                    raise _too_large(f"{num_bytes} bytes have arrived", limits)
                if parts is not None:
                    parts.write(piece)
                elif piece:
                    keep("image", piece)
    except TimeoutError as error:
        raise BodyTooSlow(
            f"{num_bytes} bytes have arrived in {limits.body_timeout_s:g} s, expected the whole "
            f"body by then: send a smaller image or use a faster network"
        ) from error
    except ClientDisconnect as error:
        raise ClientGone(f"the client left after {num_bytes} bytes") from error
    if parts is not None:
        parts.close()
    if "image" not in images:
        raise MalformedImage(
            f"no image came (the body has {num_bytes} bytes), expected one: send the file as the "
            f"body, or as the form field image"
        )
    return {name: bytes(image) for name, image in images.items()}


def _content_type(request: Request) -> str:
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise UnsupportedBody(
            f"Content-Encoding is {encoding!r:.80}, expected none: send images as they are, they "
            f"are compressed already"
        )
    declared = request.headers.get("content-type", "application/octet-stream")
    kind = declared.partition(";")[0].strip().lower()
    if kind not in (*IMAGE_TYPES, "multipart/form-data"):
        raise UnsupportedBody(
            f"Content-Type is {declared!r:.80}, expected one of {', '.join(IMAGE_TYPES)} or "
            f"multipart/form-data: with curl, -H 'Content-Type: image/jpeg' --data-binary @file, "
            f"or -F image=@file"
        )
    return kind


def _too_large(what: str, limits: UploadLimits) -> BodyTooLarge:
    return BodyTooLarge(
        f"{what}, this server takes at most {limits.max_body_bytes}: send a smaller image, or "
        f"compress it as JPEG"
    )
