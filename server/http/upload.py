"""The images of a request: received under limits, not yet decoded."""

from collections.abc import Callable, Mapping

from starlette.requests import Request

from server.errors import MalformedImage, UnsupportedBody
from server.http.body import BodyLimits, body_pieces
from server.http.multipart import PartReader

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "application/octet-stream")
PARTS = ("image", "next_image")
EARLY_LOOKS_BYTES = (64, 64 * 2**10)  # PNG and WebP headers; nearly every JPEG header with EXIF


async def receive_images(
    request: Request,
    *,
    limits: BodyLimits,
    check_header: Callable[[bytes], object],
    parts: tuple[str, ...] = PARTS,
    grow: Callable[[int], None] = lambda _: None,
) -> Mapping[str, bytes]:
    """The encoded images by name, "image" and perhaps "next_image".

    Args:
        request: its body is the image itself, or a form.
        limits: of the body.
        check_header: called with the first bytes of an image, when they are there; what it raises
            ends the upload. MalformedImage alone is not final: the header may still be arriving.
        parts: the fields that the form may have.
        grow: called with the length of every piece before it is kept; may refuse it.

    Raises:
        UnsupportedBody, BodyTooLarge, BodyTooSlow, MalformedBody, Unusable, ClientGone
    """
    kind = _content_type(request)
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

    reader = None
    if kind == "multipart/form-data":
        reader = PartReader(request.headers["content-type"], names=parts, on_data=keep)
    num_bytes = 0
    async for piece in body_pieces(request, limits, grow=grow):
        num_bytes += len(piece)
        if reader is not None:
            reader.write(piece)
        elif piece:
            keep("image", piece)
    if reader is not None:
        reader.close()
    if "image" not in images:
        raise MalformedImage(
            f"no image came (the body has {num_bytes} bytes), expected one: send the file as the "
            f"body, or as the form field image"
        )
    return {name: bytes(image) for name, image in images.items()}


def _content_type(request: Request) -> str:
    declared = request.headers.get("content-type", "application/octet-stream")
    kind = declared.partition(";")[0].strip().lower()
    if kind not in (*IMAGE_TYPES, "multipart/form-data"):
        raise UnsupportedBody(
            f"Content-Type is {declared!r:.80}, expected one of {', '.join(IMAGE_TYPES)} or "
            f"multipart/form-data: with curl, -H 'Content-Type: image/jpeg' --data-binary @file, "
            f"or -F image=@file"
        )
    return kind
