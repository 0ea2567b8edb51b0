"""Colours of other spaces brought into sRGB, by the profile that the image carries (ICC).

Cameras write Adobe RGB and phones Display P3; read as sRGB their colours are pale. A profile that
cannot be read, or is for another kind of image, counts as none.
"""

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

MAX_PROFILE_BYTES = 4 * 2**20  # unpacked; the largest in use, of printing presses, have 3 MB
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # ICC's names -> Pillow's
_SAME = 1  # levels of 255: a space that never differs by more is sRGB


@dataclass(frozen=True, kw_only=True)
class _Conversion:
    mode: str
    """Of the images it takes, as Pillow names it."""
    transform: ImageCms.ImageCmsTransform


def to_srgb(pixels: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8]:
    """RGB (h, w, 3) in the space of the profile, as sRGB. Grey repeated three times is fine."""
    conversion = _conversion(profile)
    if conversion is None or conversion.mode == "CMYK":
        return pixels
    if conversion.mode == "L":
        levels = Image.frombuffer("L", (256, 1), bytes(range(256)))
        table = np.asarray(ImageCms.applyTransform(levels, conversion.transform))[0]
        grey: NDArray[np.uint8] = table.take(pixels[..., 0], axis=0)
        return grey
    image = Image.frombuffer("RGB", (pixels.shape[1], pixels.shape[0]), pixels)
    return np.asarray(ImageCms.applyTransform(image, conversion.transform))


def ink_to_srgb(ink: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8]:
    """CMYK (h, w, 4), 0 is no ink, as RGB (h, w, 3): by its profile, else by Pillow's formula."""
    image = Image.frombuffer("CMYK", (ink.shape[1], ink.shape[0]), ink)
    conversion = _conversion(profile)
    if conversion is None or conversion.mode != "CMYK":
        return np.asarray(image.convert("RGB"))
    return np.asarray(ImageCms.applyTransform(image, conversion.transform))


@lru_cache(maxsize=8)  # the images of one camera share theirs; a profile has up to 4 MiB
def _conversion(profile: bytes) -> _Conversion | None:
    """None where nothing has to be done, or nothing can be."""
    if not 128 <= len(profile) <= MAX_PROFILE_BYTES:  # 128: its header alone
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _MODES.get(source.profile.xcolor_space.strip())
        if mode is None:
            return None
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            # Of grey only a table of 256 is made: exact, where the short cut is off in the dark.
            flags=ImageCms.Flags.NOOPTIMIZE if mode == "L" else ImageCms.Flags.NONE,
        )
        conversion = _Conversion(mode=mode, transform=transform)
        return None if _changes_nothing(conversion) else conversion
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _changes_nothing(conversion: _Conversion) -> bool:
    """Whether it is sRGB by another name: most profiles are. Tried on a cube of colours."""
    steps = np.linspace(0, 255, 18).round().astype(np.uint8)
    if conversion.mode == "CMYK":
        return False
    if conversion.mode == "L":
        before = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
        image = Image.frombuffer("L", (256, 1), bytes(range(256)))
    else:
        before = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
        image = Image.fromarray(np.ascontiguousarray(before))
    after = np.asarray(ImageCms.applyTransform(image, conversion.transform))
    return int(np.abs(after.astype(int) - before).max()) <= _SAME
