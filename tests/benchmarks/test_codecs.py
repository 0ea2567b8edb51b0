"""What it costs to write an answer and to read an image, next to other writers and readers.

    JAXTYPING_DISABLE=1 pytest tests/benchmarks/test_codecs.py -s

CPU time of one thread, the best of several runs: other programs on the machine hardly change it.
The maps are made up, smooth with a little noise, and compress about as real ones do.
"""

import gc
import io
import json
import time
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from models.bundle import DepthOutput
from models.image.palette import CAMVID_PALETTE, colour_table
from models.runtime.predictor import Prediction
from models.task import Task
from server.answers.encode import encode_result
from server.answers.form import Form, Render
from server.answers.negotiation import Media
from server.answers.result import Result
from server.answers.schemas import ImageInfo
from server.codecs.decode import ImageLimits, decode_image
from server.codecs.dense_map import depth_map, flow_map
from server.codecs.map_codes import code_map
from server.codecs.npy import npy_pieces
from server.codecs.png import png_pieces
from server.codecs.raw_arrays import Dtype
from tests.toy_bundle import toy_bundle

SIZE = (1080, 1920)
RUNS = 7
LIMITS = ImageLimits(max_pixels=50_000_000)
RELATIVE = DepthOutput(convention="relative_inverse_depth", unit="", near_is_large=True)

Made = bytes | Sequence[bytes | memoryview] | NDArray[Any]
Row = tuple[str, Callable[[], Made]]


def smooth(*, cells: int, noise: float, seed: int) -> NDArray[np.float32]:
    """Values around 0 to 1."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((SIZE[0] // cells + 1, SIZE[1] // cells + 1)).astype(np.float32)
    picture = Image.fromarray(coarse).resize(SIZE[::-1], Image.Resampling.BICUBIC)
    return np.asarray(picture) + rng.normal(0, noise, SIZE).astype(np.float32)


DEPTH = smooth(cells=90, noise=2e-4, seed=0)
FLOW = np.stack([smooth(cells=120, noise=2e-4, seed=seed) * 20 for seed in (1, 2)], axis=2)
LABELS = (smooth(cells=60, noise=0, seed=3).clip(0, 0.999) * 11).astype(np.uint8)
HALF = DEPTH.clip(0, 1).astype(np.float16)
PHOTO = np.stack([smooth(cells=24, noise=0.02, seed=seed) for seed in (4, 5, 6)], axis=2)
IMAGE = (PHOTO.clip(0, 1) * 255).astype(np.uint8)


def test_writing_maps() -> None:
    depth = code_map(depth_map(DEPTH, RELATIVE)).codes
    flow = code_map(flow_map(FLOW)).codes
    palette = colour_table(CAMVID_PALETTE)
    show(
        "labels, 8 bits with a palette",
        [
            ("our PNG", lambda: png_pieces(LABELS, palette=palette)),
            ("Pillow PNG", lambda: by_pillow(LABELS, "PNG")),
            ("OpenCV PNG", lambda: by_opencv(LABELS)),
            (".npy", lambda: npy_pieces(LABELS)),
            ("np.save", lambda: np_save(LABELS)),
        ],
    )
    show(
        "depth, 16 bits, from float32",
        [
            ("our PNG", lambda: code_map(depth_map(DEPTH, RELATIVE)).png({})),
            ("  of which coding to 16 bits", lambda: code_map(depth_map(DEPTH, RELATIVE)).codes),
            ("Pillow PNG", lambda: by_pillow(depth, "PNG")),
            ("OpenCV PNG", lambda: by_opencv(depth)),
            (".npy float32", lambda: npy_pieces(DEPTH)),
            (".npy float16", lambda: npy_pieces(DEPTH.astype(np.float16))),
            ("np.save float32", lambda: np_save(DEPTH)),
            ("a list in JSON", lambda: json.dumps(DEPTH.tolist()).encode()),
        ],
    )
    show(
        "flow, KITTI's 3 x 16 bits, from float32",
        [
            ("our PNG", lambda: code_map(flow_map(FLOW)).png({})),
            ("  of which coding to 16 bits", lambda: code_map(flow_map(FLOW)).codes),
            ("OpenCV PNG", lambda: by_opencv(flow)),
            (".npy float32", lambda: npy_pieces(FLOW)),
            (".npy float16", lambda: npy_pieces(FLOW.astype(np.float16))),
        ],
    )


def test_writing_answers() -> None:
    """All three maps of a pair."""

    def row(name: str, media: Media, **asked: Any) -> Row:
        return name, lambda: encode_result(result(), Form(media=media, **asked)).pieces

    show(
        "a whole answer",
        [
            row("multipart, float16", Media.MULTIPART),
            row("multipart, float16, no uncertainty", Media.MULTIPART, uncertainty=False),
            row("multipart, float32", Media.MULTIPART, dtype=Dtype.FLOAT32),
            row("npz, float32", Media.NPZ),
            ("np.savez of the same", lambda: np_savez(DEPTH, FLOW, LABELS, HALF, HALF, HALF)),
            row("zip of PNGs", Media.ZIP),
            ("zipfile of OpenCV PNGs", zip_of_opencv),
            row("zip of PNGs, with uncertainty", Media.ZIP, uncertainty=True),
            row("JSON", Media.JSON),
            row("JSON, inline", Media.JSON, inline=True),
            row("PNG, colours", Media.PNG, render=Render.COLOR),
            row("JPEG, colours", Media.JPEG),
            row("JPEG, overlay", Media.JPEG, render=Render.OVERLAY),
        ],
    )


def test_writing_jpeg() -> None:
    show(
        "a picture as JPEG, quality 90, 4:2:0",
        [
            ("simplejpeg", lambda: simplejpeg.encode_jpeg(IMAGE, 90, colorsubsampling="420")),
            ("Pillow", lambda: by_pillow(IMAGE, "JPEG", quality=90)),
            ("OpenCV", lambda: by_opencv(IMAGE, ".jpg", (cv2.IMWRITE_JPEG_QUALITY, 90))),
        ],
    )


def test_reading_images() -> None:
    for format_, options in (
        ("JPEG", {"quality": 90}),
        ("PNG", {"compress_level": 6}),
        ("WEBP", {"quality": 80, "method": 1}),
    ):
        data = by_pillow(IMAGE, format_, **options)
        rows: list[Row] = [
            ("ours: checked, RGB", lambda data=data: decode_image(data, limits=LIMITS).pixels),  # type: ignore[misc]
            ("Pillow, RGB", lambda data=data: pillow_pixels(data)),  # type: ignore[misc]
            ("OpenCV, BGR", lambda data=data: opencv_pixels(data)),  # type: ignore[misc]
        ]
        if format_ == "JPEG":
            rows.append(("simplejpeg, RGB", lambda data=data: simplejpeg.decode_jpeg(data)))  # type: ignore[misc]
        show(f"reading {format_}, {len(data) / 1e6:.2f} MB", rows)


def show(title: str, rows: list[Row]) -> None:
    table = Table(title=f"{title}, {SIZE[0]}x{SIZE[1]} (HxW), best of {RUNS}")
    for column in ("", "ms", "MB", "time, first = 1"):
        table.add_column(column, justify="left" if not column else "right")
    first_s = None
    for name, make in rows:
        seconds, made = timed(make)
        first_s = first_s or seconds
        table.add_row(
            name, f"{seconds * 1e3:.1f}", f"{size_of(made) / 1e6:.2f}", f"{seconds / first_s:.1f}"
        )
    Console(width=100).print(table)


def timed(make: Callable[[], Made]) -> tuple[float, Made]:
    cv2.setNumThreads(1)
    gc.collect()
    seconds = []
    for _ in range(RUNS):
        begun_s = time.thread_time()
        made = make()
        seconds.append(time.thread_time() - begun_s)
        if sum(seconds) > 5:  # Pillow's default takes its time
            break
    return min(seconds), made


def size_of(made: Made) -> int:
    if isinstance(made, np.ndarray):
        return made.nbytes
    return len(made) if isinstance(made, bytes) else sum(len(piece) for piece in made)


def result() -> Result:
    info = ImageInfo(format="JPEG", stored_size=SIZE, size=SIZE, exif_orientation=1)
    return Result(
        bundle=toy_bundle(),
        tasks=tuple(Task),
        image=info,
        next_image=info,
        prediction=Prediction(
            labels=LABELS,
            label_confidence=HALF,
            depth=DEPTH,
            depth_uncertainty=HALF,
            flow=FLOW,
            flow_uncertainty=HALF,
        ),
        decode_s=0.0,
        queue_s=0.0,
        infer_s=0.0,
        pixels=IMAGE,
    )


def by_pillow(pixels: NDArray[Any], format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format_, **options)
    return file.getvalue()


def by_opencv(pixels: NDArray[Any], kind: str = ".png", options: Sequence[int] = ()) -> bytes:
    return bytes(cv2.imencode(kind, pixels, options)[1].tobytes())


def np_save(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def np_savez(*arrays: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.savez(file, *arrays)
    return file.getvalue()


def zip_of_opencv() -> bytes:
    file = io.BytesIO()
    maps = (LABELS, code_map(depth_map(DEPTH, RELATIVE)).codes, code_map(flow_map(FLOW)).codes)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for index, codes in enumerate(maps):
            archive.writestr(f"{index}.png", by_opencv(codes))
    return file.getvalue()


def pillow_pixels(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def opencv_pixels(data: bytes) -> NDArray[Any]:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return pixels
