"""For schemathesis, in a process of its own: what our types of image look like."""

import io

import numpy as np
import schemathesis
from hypothesis import strategies as st
from PIL import Image

FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "application/octet-stream": "PNG",
}


def images(format_: str) -> st.SearchStrategy[bytes]:
    """Small files of one format."""

    def write(grey: int, height: int, width: int) -> bytes:
        file = io.BytesIO()
        pixels = np.full((height, width, 3), grey, dtype=np.uint8)
        Image.fromarray(pixels).save(file, format_)
        return file.getvalue()

    return st.builds(write, st.integers(0, 255), st.integers(1, 9), st.integers(1, 9))


for media_type, format_ in FORMATS.items():
    schemathesis.openapi.media_type(media_type, images(format_))
