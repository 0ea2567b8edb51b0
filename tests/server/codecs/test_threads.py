"""While a codec works, the event loop and the other pool threads run."""

import io
import sys
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image

from server.codecs.colour_profile import to_srgb
from server.codecs.decode import ImageLimits, decode_image
from server.codecs.deflate import crc32, deflate
from server.codecs.jpeg import write_jpeg
from tests.server.codecs import icc_files

NOISE = np.random.default_rng(0).integers(0, 256, (600, 800, 3), dtype=np.uint8)
BYTES = NOISE.tobytes()
LIMITS = ImageLimits(max_pixels=10**6)
PROFILE = icc_files.linear_rgb()


def saved(format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(NOISE).save(file, format_, **options)
    return file.getvalue()


JPEG, PNG, WEBP = saved("JPEG"), saved("PNG", compress_level=1), saved("WEBP", method=0)
CODECS: dict[str, Callable[[], object]] = {
    "deflate": lambda: deflate(BYTES),
    "crc32": lambda: crc32(BYTES * 20, 0),
    "write JPEG": lambda: write_jpeg(NOISE, quality=90, meta={}),
    "decode JPEG": lambda: decode_image(JPEG, limits=LIMITS),
    "decode PNG": lambda: decode_image(PNG, limits=LIMITS),
    "decode WebP": lambda: decode_image(WEBP, limits=LIMITS),
    "colour profile": lambda: to_srgb(NOISE, PROFILE),
}


@pytest.fixture
def no_forced_switches() -> Iterator[None]:
    """A thread keeps the interpreter until it lets go by itself."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000.0)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("no_forced_switches")
@pytest.mark.parametrize("name", CODECS)
def test_a_codec_lets_other_threads_run(name: str) -> None:
    begun, seen = threading.Event(), threading.Event()
    was_seen = False

    def work() -> None:
        nonlocal was_seen
        CODECS[name]()  # whatever is imported or cached first
        begun.set()
        for _ in range(300):  # in one of them the other thread gets a core
            if seen.is_set():
                break
            CODECS[name]()
        was_seen = seen.is_set()

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    seen.set()
    thread.join()
    assert was_seen
