"""The right answer of a case: its maps by the engine alone, and its bytes by an idle server.

Maps: the engine of this process on the case's images, one at a time, against the server's npz.
Bytes: what the server answers to the same request while nobody else is there. Under load the bytes
must be the same, or, where batch mates change the last bits of a float, mean the same.
"""

import base64
import io
import json
import math
import zipfile
from collections.abc import Mapping
from email import message_from_bytes
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.bundle_folder import read_bundle
from models.runtime.predictor import Prediction, predict
from models.runtime.protocol import Runtime
from models.runtime.select import select_runtime
from server.codecs.decode import ImageLimits, decode_image
from tests.soak.caller import Ending
from tests.soak.cases import Case

TRUE_ENGINE = "onnxruntime"
BETWEEN_ENGINES = 1e-3  # of float32: other orders of sums, in a hundred products one after another
RELATIVE = 1e-4  # of float32, with batch mates: what the network promises
HALF = 2e-3  # float16 has eleven bits
SURE = 0.502  # a winner above a half leads by more than any rounding can turn
CODES = 2  # levels of 16 bits by which a map may differ where floats do
COLOURS = 12  # levels of 8 bits, in a picture
VOLATILE = {"timings", "request_id"}


def open_engine(bundle: Path) -> Runtime:
    """An engine of our own, with one thread as the server's."""
    return select_runtime(
        bundle, read_bundle(bundle), engine=TRUE_ENGINE, threads=1, precision="f32"
    ).runtime


def true_maps(runtime: Runtime, case: Case) -> Prediction:
    """Every map of one case, computed alone."""
    limits = ImageLimits(max_pixels=10**9)
    pixels = [decode_image(image.data, limits=limits).pixels for image in case.images]
    return predict(runtime, *pixels)


def wrong_maps(body: bytes, truth: Prediction, *, engine: str = TRUE_ENGINE) -> str | None:
    """What is wrong with an npz of all maps by an engine; None if nothing is."""
    relative = RELATIVE if engine == TRUE_ENGINE else BETWEEN_ENGINES
    with np.load(io.BytesIO(body)) as file:
        arrays = {name: file[name] for name in file.files}
    for name, expected in vars(truth).items():
        if expected is None:
            continue
        if name not in arrays:
            # Uncertainties may be left out of an answer, a map may not.
            if name in ("labels", "depth", "flow"):
                return f"{name} is missing"
            continue
        found = arrays[name]
        if found.shape != expected.shape:
            return f"{name} is {found.shape}, expected {expected.shape}"
        if name == "labels":
            assert truth.label_confidence is not None
            differ = (found != expected) & (truth.label_confidence.astype(np.float32) > SURE)
            if differ.any():
                return f"labels differ in {differ.sum()} of {differ.size} sure pixels"
        elif reason := _floats(found, expected, HALF if expected.itemsize == 2 else relative):
            return f"{name}: {reason}"
    return None


def different(alone: Ending, loaded: Ending) -> str | None:
    """How an answer differs in meaning from the one of an idle server; None if it does not."""
    kind = alone.headers.get("content-type", "").partition(";")[0]
    if loaded.headers.get("content-type", "").partition(";")[0] != kind:
        return f"Content-Type is {loaded.headers.get('content-type')}, alone it was {kind}"
    if alone.body == loaded.body:
        return None
    if kind == "multipart/mixed":
        first, second = (_parts(answer) for answer in (alone, loaded))
        return _members(first, second)
    return _meaning(kind, alone.body, loaded.body)


def _meaning(kind: str, a: bytes, b: bytes) -> str | None:
    """Compare two bodies of one type."""
    if kind == "application/json" or kind.endswith(".json"):
        return _json(json.loads(a), json.loads(b), "")
    if kind == "application/zip" or kind.endswith(".zip"):
        return _members(_unzip(a), _unzip(b))
    if kind == "application/x-npz":
        # An npz is a zip of npy files.
        return _members(_unzip(a), _unzip(b))
    if kind.endswith((".npy", "/x-npy")):
        first, second = np.load(io.BytesIO(a)), np.load(io.BytesIO(b))
        if first.dtype.kind == "U":  # the words about the others
            return _json(json.loads(str(first)), json.loads(str(second)), "")
        if first.dtype.kind == "f":
            return _floats(second, first, HALF if first.itemsize == 2 else RELATIVE)
        return _levels(first, second, 0)
    return _picture(a, b)


def _members(a: Mapping[str, bytes], b: Mapping[str, bytes]) -> str | None:
    if a.keys() != b.keys():
        return f"has {sorted(b)}, alone it had {sorted(a)}"
    for name in a:
        if a[name] != b[name] and (reason := _meaning(name, a[name], b[name])):
            return f"{name}: {reason}"
    return None


def _unzip(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _parts(answer: Ending) -> dict[str, bytes]:
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts: dict[str, bytes] = {}
    for i, part in enumerate(message_from_bytes(head + answer.body).walk()):
        if not part.is_multipart():
            body = part.get_payload(decode=True)
            assert isinstance(body, bytes)
            suffix = ".json" if part.get_content_type() == "application/json" else ".npy"
            parts[f"{part.get_filename() or i}"] = body
            if not (part.get_filename() or "").endswith(suffix):
                parts[f"{i}{suffix}"] = parts.pop(f"{part.get_filename() or i}")
    return parts


def _picture(a: bytes, b: bytes) -> str | None:
    first, second = (
        cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_UNCHANGED) for body in (a, b)
    )
    if first is None or second is None:
        return "is not a picture"
    words = [_words(body) for body in (a, b)]
    if first.dtype == np.uint16 and first.ndim == 2 and all(words):
        return _coded((first, words[0]), (second, words[1]))
    return _levels(first, second, CODES if first.dtype == np.uint16 else COLOURS)


def _words(png: bytes) -> dict[str, Any]:
    """What a PNG says about its numbers; empty if nothing."""
    with Image.open(io.BytesIO(png)) as image:
        words: dict[str, Any] = json.loads(image.info.get("anyres", "{}"))
    return words


def _coded(
    alone: tuple[NDArray[Any], dict[str, Any]], loaded: tuple[NDArray[Any], dict[str, Any]]
) -> str | None:
    """Compare what the codes stand for: where all values are nearly equal, so is the scale small,
    and a last bit many levels."""
    (codes, words), (other_codes, other_words) = alone, loaded
    if codes.shape != other_codes.shape:
        return f"is {other_codes.shape}, alone it was {codes.shape}"
    if ((codes == 0) != (other_codes == 0)).any():
        return "knows other pixels"
    a, b = (
        found["scale"] * stored.astype(np.float64) + found["offset"]
        for stored, found in ((codes, words), (other_codes, other_words))
    )
    most = RELATIVE * max(1.0, float(np.abs(a).max())) + CODES * words["scale"]
    worst = float(np.abs(a - b).max())
    if worst > most:
        return f"differs by up to {worst:g}, expected at most {most:g}"
    return _json(words, other_words, "words")


def _levels(a: NDArray[Any], b: NDArray[Any], most: int) -> str | None:
    """Integers may differ by a few levels, or in a few of a thousand pixels that were undecided."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return f"is {b.shape} {b.dtype}, alone it was {a.shape} {a.dtype}"
    off = np.abs(a.astype(np.int64) - b.astype(np.int64)) > most
    if off.mean() > 2e-3:
        return f"{off.sum()} of {off.size} values differ by more than {most}"
    return None


def _floats(found: NDArray[Any], expected: NDArray[Any], relative: float) -> str | None:
    if found.shape != expected.shape:
        return f"is {found.shape}, expected {expected.shape}"
    a, b = found.astype(np.float64), expected.astype(np.float64)
    scale = max(1.0, float(np.abs(b).max(initial=0.0)))
    worst = float(np.abs(a - b).max(initial=0.0))
    return None if worst <= relative * scale else f"differs by up to {worst:g} of {scale:g}"


def _json(a: object, b: object, where: str) -> str | None:
    if isinstance(a, dict) and isinstance(b, dict):
        if a.keys() != b.keys():
            return f"{where} has {sorted(b)}, alone it had {sorted(a)}"
        found = (_json(a[key], b[key], f"{where}.{key}") for key in a if key not in VOLATILE)
        return next((reason for reason in found if reason), None)
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        found = (_json(x, y, f"{where}[{i}]") for i, (x, y) in enumerate(zip(a, b, strict=True)))
        return next((reason for reason in found if reason), None)
    if isinstance(a, float) and isinstance(b, float):
        # Areas of classes: an undecided pixel may change sides.
        near = math.isclose(a, b, rel_tol=1e-3, abs_tol=2e-3)
        return None if near else f"{where} is {b}, alone it was {a}"
    if isinstance(a, str) and isinstance(b, str) and where.startswith(".png."):
        # Inline maps. Their bytes hold numbers as text, whose last digit batch mates may change.
        reason = _picture(base64.b64decode(a), base64.b64decode(b))
        return f"{where} {reason}" if reason else None
    return None if a == b else f"{where} is {b!r:.60}, alone it was {a!r:.60}"
