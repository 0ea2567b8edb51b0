"""The field's file formats, read (and where we make them, written) without losing a bit.

Arrays are (h, w) or (h, w, channels), rows from top to bottom, channels R G B or u v; what a
file marks as "no value" comes back as NaN. A file that is absent, cut short or of another kind
raises FileFormatError, which names the file, what came and what was expected.
"""

import io
import re
from collections.abc import Collection
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

FLO_MAGIC = 202021.25  # the bytes "PIEH" as a little-endian float32
FLO_UNKNOWN = 1e9  # Middlebury's flow code: a larger component says "unknown"
FLO_UNKNOWN_WRITTEN = 1666666752.0  # what that code itself writes there
KITTI_FLOW_STEPS_PER_PX = 64.0  # KITTI development kit: flow = (value - 2^15) / 64
KITTI_FLOW_ZERO = 32768.0
KITTI_DISPARITY_STEPS_PER_PX = 256.0  # KITTI development kit: disparity = value / 256
STRETCHED = "stretched to 8 bits"  # our own note on Pillow's images
PFM_HEADER = re.compile(rb"(PF|Pf)\s+(\d+)\s+(\d+)\s+(-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)\s")


class FileFormatError(ValueError):
    """A file is not what it should be."""


def read_bytes(path: Path, expected: str) -> bytes:
    """All bytes of a file; `expected` is named when it is not there."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileFormatError(
            f"{path}: {error.strerror or error}, expected {expected}: "
            f"check the folder and that the data set is complete"
        ) from error


def read_text(path: Path, expected: str) -> str:
    """All of a text file; `expected` is named when it is not there or no text."""
    try:
        # utf-8-sig: Windows programs write a mark before the first line.
        return read_bytes(path, expected).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: {error}, expected {expected}, as UTF-8 text") from error


def read_image(path: Path) -> NDArray[np.uint8]:
    """(h, w, 3) RGB, upright: the camera's rotation note (EXIF) is obeyed. Alpha is dropped."""
    image = _open(path, "an image (JPEG, PNG, PPM, ...)")
    if image.mode.startswith(("I", "F")):
        raise FileFormatError(
            f"{path}: pixels of mode {image.mode}, expected 8 bits per channel: "
            f"depth and disparity files have their own readers"
        )
    return np.array(ImageOps.exif_transpose(image).convert("RGB"), dtype=np.uint8)


def read_indices(path: Path) -> NDArray[np.uint8]:
    """(h, w) values of an 8-bit grey or palette file: label indices, flags, disparity steps.

    A palette is ignored: the value is the index, not the colour that it stands for.
    """
    image = _open(path, "an 8-bit grey or palette image")
    if image.mode == "1" or image.info.get(STRETCHED):
        raise FileFormatError(
            f"{path}: grey of fewer than 8 bits, whose values are shares of white (of 4 bits 1 is "
            f"17), expected one 8-bit value per pixel: save it with 8 bits, or with a palette"
        )
    if image.mode not in ("L", "P"):
        raise FileFormatError(
            f"{path}: pixels of mode {image.mode}, expected one 8-bit value per pixel "
            f"(mode L or P): colour-coded labels must be turned into indices first"
        )
    return np.array(image, dtype=np.uint8)


def read_png16(path: Path, *, channels: int) -> NDArray[np.uint16]:
    """(h, w) or (h, w, 3) RGB, all 16 bits. Pillow would read three channels as 8 bits."""
    expected = f"a PNG of {channels} channel(s) of 16 bits"
    encoded = np.frombuffer(read_bytes(path, expected), dtype=np.uint8)
    pixels = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if encoded.size else None
    if pixels is None:
        raise FileFormatError(f"{path}: no image that can be decoded, expected {expected}")
    found = 1 if pixels.ndim == 2 else pixels.shape[2]
    if pixels.dtype != np.uint16 or found != channels:
        raise FileFormatError(
            f"{path}: {found} channel(s) of {pixels.dtype}, expected {expected}: "
            f"a file that went through an 8-bit program has lost its low byte; copy the original"
        )
    # OpenCV hands over B G R.
    return np.array(pixels if channels == 1 else pixels[..., ::-1], dtype=np.uint16)


def read_depth_png(
    path: Path, *, steps_per_m: float, unknown: Collection[int] = (0,)
) -> NDArray[np.float32]:
    """(h, w) depth in m of a 16-bit PNG: TUM has 5000 steps per m, 7-Scenes 1000, KITTI 256.

    Args:
        path: the file.
        steps_per_m: what the stored integers are divided by.
        unknown: stored values that mean "not measured"; NaN in the answer.
    """
    steps = read_png16(path, channels=1)
    depth_m = steps.astype(np.float32) / np.float32(steps_per_m)
    depth_m[np.isin(steps, list(unknown))] = np.nan
    return depth_m


def read_kitti_disparity(path: Path) -> NDArray[np.float32]:
    """(h, w) disparity in px, NaN where not measured (stored as 0)."""
    steps = read_png16(path, channels=1)
    disparity_px = steps.astype(np.float32) / np.float32(KITTI_DISPARITY_STEPS_PER_PX)
    disparity_px[steps == 0] = np.nan
    return disparity_px


def read_kitti_flow(path: Path) -> NDArray[np.float32]:
    """(h, w, 2) flow in px, NaN where the third channel says that it was not measured."""
    stored = read_png16(path, channels=3)
    flow = (stored[..., :2].astype(np.float32) - KITTI_FLOW_ZERO) / KITTI_FLOW_STEPS_PER_PX
    flow[stored[..., 2] == 0] = np.nan
    return np.asarray(flow, dtype=np.float32)


def write_kitti_flow(path: Path, flow: NDArray[np.float32]) -> None:
    """Write (h, w, 2) flow in px, rounded to 1/64; NaN is written as not measured.

    Raises:
        ValueError: a component outside of [-512, 512) px, which the format cannot hold.
    """
    known = np.isfinite(flow[..., 0]) & np.isfinite(flow[..., 1])
    steps = np.rint(np.where(known[..., None], flow, 0) * KITTI_FLOW_STEPS_PER_PX + KITTI_FLOW_ZERO)
    if steps.size and (steps.min() < 0 or steps.max() > 65535):
        raise ValueError(
            f"{path}: flow components reach {np.nanmin(flow):.1f} .. {np.nanmax(flow):.1f} px, "
            f"KITTI's PNG holds -512 .. 511.98: write a .flo file instead"
        )
    bgr = np.stack([known, steps[..., 1], steps[..., 0]], axis=-1).astype(np.uint16)
    bgr[~known] = 0
    encoded = cv2.imencode(".png", bgr)[1]
    path.write_bytes(encoded.tobytes())


def read_flo(path: Path) -> NDArray[np.float32]:
    """(h, w, 2) flow in px of Middlebury's and Sintel's .flo; NaN where marked as unknown."""
    expected = "a .flo file: float32 202021.25, int32 width, int32 height, float32 u v by rows"
    content = read_bytes(path, expected)
    magic = float(np.frombuffer(content[:4], "<f4")[0]) if len(content) >= 12 else None
    if magic != FLO_MAGIC:
        raise FileFormatError(f"{path}: starts with {content[:4]!r}, expected {expected}")
    width, height = (int(side) for side in np.frombuffer(content[4:12], "<i4"))
    if min(width, height) < 1 or len(content) != 12 + 8 * width * height:
        raise FileFormatError(
            f"{path}: {len(content)} bytes for {height}x{width} (HxW), "
            f"expected {12 + 8 * width * height}: the file was cut short or is not a .flo file"
        )
    flow = np.frombuffer(content, "<f4", offset=12).reshape(height, width, 2).astype(np.float32)
    flow[~(np.abs(flow) <= FLO_UNKNOWN).all(axis=-1)] = np.nan
    return flow


def write_flo(path: Path, flow: NDArray[np.float32]) -> None:
    """Write (h, w, 2) flow in px; NaN is written as unknown."""
    height, width, _ = flow.shape
    known = np.isfinite(flow).all(axis=-1, keepdims=True)
    header = np.array([FLO_MAGIC], "<f4").tobytes() + np.array([width, height], "<i4").tobytes()
    path.write_bytes(header + np.where(known, flow, FLO_UNKNOWN_WRITTEN).astype("<f4").tobytes())


def read_pfm(path: Path) -> NDArray[np.float32]:
    """(h, w) or (h, w, 3) floats of a portable float map, either byte order, upright.

    Infinite values are handed on: Middlebury 2014 and ETH3D mean "unknown" by them.
    """
    content = read_bytes(path, "a portable float map (.pfm)")
    header = PFM_HEADER.match(content)
    if header is None:
        raise FileFormatError(
            f"{path}: starts with {content[:12]!r}, expected the header of a portable float map: "
            f"PF or Pf, width, height, scale"
        )
    channels = 3 if header[1] == b"PF" else 1
    width, height = int(header[2]), int(header[3])
    body = content[header.end() :]
    if len(body) != 4 * channels * width * height:
        raise FileFormatError(
            f"{path}: {len(body)} bytes of pixels for {height}x{width}x{channels} (HxWxC), "
            f"expected {4 * channels * width * height}: the file was cut short"
        )
    order = "<f4" if float(header[4]) < 0 else ">f4"  # the sign of the scale is the byte order
    shape = (height, width) if channels == 1 else (height, width, channels)
    # The format's first row is the lowest one.
    return np.frombuffer(body, order).reshape(shape)[::-1].astype(np.float32)


def write_pfm(path: Path, values: NDArray[np.float32]) -> None:
    """Write (h, w) or (h, w, 3) floats, little-endian."""
    kind = "Pf" if values.ndim == 2 else "PF"
    header = f"{kind}\n{values.shape[1]} {values.shape[0]}\n-1.0\n".encode()
    path.write_bytes(header + values[::-1].astype("<f4").tobytes())


def read_spring(path: Path, key: Literal["flow", "disparity"]) -> NDArray[np.float32]:
    """Spring's .flo5 (h, w, 2) or .dsp5 (h, w), HDF5: 2160x3840 values in px of 1080x1920 images.

    Compare with `[::2, ::2]`, or take the least error of the four values of a pixel, as the
    benchmark does. NaN where unknown.
    """
    import h5py  # slow to load, and needed for this one format

    expected = f'an HDF5 file with the data set "{key}" of Spring'
    content = io.BytesIO(read_bytes(path, expected))
    try:
        with h5py.File(content, "r") as file:
            values = np.array(file[key], dtype=np.float32)
    except Exception as error:  # a damaged file makes HDF5 raise nearly anything
        raise FileFormatError(f"{path}: {error}, expected {expected}") from error
    if values.ndim != (3 if key == "flow" else 2) or (key == "flow" and values.shape[2] != 2):
        raise FileFormatError(f"{path}: {key} of shape {values.shape}, expected {expected}")
    return values


def read_flags(path: Path) -> NDArray[np.bool_]:
    """(h, w) true where an image is not black: 1 or 8 bits, grey or colour.

    Of a colour image red and green count (Spring's maps of pixels without a match: out of the
    frame, hidden); alpha never does.
    """
    image = _open(path, "a grey, 1-bit or colour image")
    if image.mode == "P":
        image = image.convert("RGB")  # black may be any entry of a palette
    if image.mode in ("1", "L", "LA"):
        values = np.array(image if image.mode != "LA" else image.getchannel(0))
        return np.asarray(values > 0)
    if image.mode in ("RGB", "RGBA"):
        return np.asarray((np.array(image)[..., :2] > 0).any(axis=-1))
    raise FileFormatError(
        f"{path}: pixels of mode {image.mode}, expected flags of 1 or 8 bits, grey or colour"
    )


def read_npy(path: Path) -> NDArray[np.float32]:
    """(h, w) numbers that NumPy saved; a last axis of one is dropped, unknown stays what it is."""
    expected = "a NumPy file (.npy) of (h, w) or (h, w, 1) numbers"
    content = io.BytesIO(read_bytes(path, expected))
    try:
        # Objects would be unpickled, which runs what a stranger wrote.
        values = np.load(content, allow_pickle=False)
    except Exception as error:  # a damaged header makes NumPy raise nearly anything
        raise FileFormatError(f"{path}: {error}, expected {expected}") from error
    if not isinstance(values, np.ndarray):
        raise FileFormatError(f"{path}: several arrays (.npz), expected {expected}")
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim != 2 or values.dtype.kind not in "fiub":
        raise FileFormatError(
            f"{path}: {values.dtype} of shape {values.shape}, expected {expected}"
        )
    return np.asarray(values, dtype=np.float32)


def _open(path: Path, expected: str) -> Image.Image:
    """A loaded Pillow image: a truncated file is reported here."""
    content = read_bytes(path, expected)
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except Image.DecompressionBombError as error:
        raise FileFormatError(
            f"{path}: {error}, expected {expected} of fewer pixels: cut it into pieces, or look at "
            f"the file, if it is not meant to be as large"
        ) from error
    except Exception as error:  # a damaged file makes Pillow raise nearly anything
        raise FileFormatError(
            f"{path}: {error}, expected {expected}: the file is cut short or of another kind"
        ) from error
    # The first chunk of a PNG: bits per sample, then the kind of pixels, 0 for grey.
    image.info[STRETCHED] = image.format == "PNG" and content[24] < 8 and content[25] == 0
    return image
