"""A soak that cannot see a wrong answer finds nothing: planted ones must be found."""

import base64
import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.runtime.predictor import Prediction
from server.codecs.png import write_png
from tests.soak.caller import Ending
from tests.soak.judge import Judge
from tests.soak.truth import different, wrong_maps

DEPTH = np.arange(600, dtype=np.uint16).reshape(20, 30) * 100
LABELS = (np.arange(600) % 11).astype(np.uint8).reshape(20, 30)


def ending(kind: str, body: bytes, *, status: int = 200, at_s: float = 0.0) -> Ending:
    headers = {"content-type": kind, "x-request-id": "r", "retry-after": "1"}
    return Ending(
        how="answered", begun_s=at_s, ended_s=at_s, status=status, headers=headers, body=body
    )


def refused(status: int, at_s: float = 0.0) -> Ending:
    error = {"code": "c", "status": status, "message": "m", "request_id": "r"}
    return ending(
        "application/json", json.dumps({"error": error}).encode(), status=status, at_s=at_s
    )


def in_png(codes: NDArray[Any]) -> Ending:
    return ending("image/png", write_png(codes))


def in_json(codes: NDArray[Any], **changes: object) -> Ending:
    png = base64.b64encode(write_png(codes)).decode()
    body = {"png": {"depth": png}, "least": 1.0, "timings": {"infer_ms": 3.0}, **changes}
    return ending("application/json", json.dumps(body).encode())


def in_zip(codes: NDArray[Any]) -> Ending:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("depth.png", write_png(codes))
    return ending("application/zip", file.getvalue())


def in_npz(codes: NDArray[Any]) -> Ending:
    file = io.BytesIO()
    np.savez(file, depth=codes.astype(np.float32))
    return ending("application/x-npz", file.getvalue())


@pytest.mark.parametrize("form", [in_png, in_json, in_zip, in_npz])
def test_another_images_map_is_found_in_every_form(form: Any) -> None:
    assert different(form(DEPTH), form(DEPTH)) is None
    assert different(form(DEPTH), form(DEPTH[::-1].copy())) is not None
    assert different(form(DEPTH), form(DEPTH[:10].copy())) is not None


@pytest.mark.parametrize("size", [(2, 3), (200, 300)])  # base64 shorter and longer than 1000
def test_inline_maps_are_compared_by_their_pixels(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(100, 60000, size, np.uint16)
    assert different(in_json(codes), in_json(codes + np.uint16(1))) is None  # a rounding
    assert different(in_json(codes), in_json(codes[::-1].copy())) is not None


def in_words(depth: NDArray[Any], *, unknown: bool = False) -> Ending:
    """As the server writes depth: 1 is the least value, 65535 the greatest."""
    low, high = float(depth.min()), float(depth.max())
    scale = (high - low) / 65534
    codes = (np.round((depth - low) / scale) + 1).astype(np.uint16)
    codes[0, 0] *= not unknown
    return ending("image/png", write_png(codes, meta={"scale": scale, "offset": low - scale}))


def test_depth_is_compared_as_depth_however_narrow_its_range() -> None:
    flat = np.array([[3.0, 3.00001, 3.00002], [3.00003, 3.00004, 3.00005]])
    alone = in_words(flat)
    assert different(alone, in_words(flat[::-1].copy())) is None  # a few last bits of float32
    assert different(alone, in_words(flat + 0.01)) is not None
    assert different(alone, in_words(flat, unknown=True)) == "knows other pixels"
    deep = np.linspace(0.0, 30.0, 6).reshape(2, 3)
    assert different(in_words(deep), in_words(deep + 0.002)) is None
    assert different(in_words(deep), in_words(deep + 0.01)) is not None


def test_timings_may_differ_and_numbers_may_not() -> None:
    alone = in_json(DEPTH)
    assert different(alone, in_json(DEPTH, timings={"infer_ms": 9.0})) is None
    assert different(alone, in_json(DEPTH, least=2.0)) == ".least is 2.0, alone it was 1.0"


def test_maps_are_checked_against_the_engine() -> None:
    confident = np.full(LABELS.shape, 0.9, np.float16)
    truth = Prediction(labels=LABELS, label_confidence=confident, depth=DEPTH.astype(np.float32))

    def npz(**changes: NDArray[Any]) -> bytes:
        file = io.BytesIO()
        arrays: dict[str, Any] = {"labels": LABELS, "depth": truth.depth, **changes}
        np.savez(file, **arrays)
        return file.getvalue()

    assert wrong_maps(npz(), truth) is None
    turned = LABELS.copy()
    turned[0, 0] += 1
    assert wrong_maps(npz(labels=turned), truth) == "labels differ in 1 of 600 sure pixels"
    assert "depth: differs" in (wrong_maps(npz(depth=DEPTH.astype(np.float32) * 1.01), truth) or "")


def test_a_failure_is_excused_only_while_a_worker_dies() -> None:
    judge = Judge(alone={}, killed_s=[100.0])
    case: Any = None  # looked at only where the answer is 200
    assert judge.case(case, refused(500, at_s=100.5)) is None
    assert "status 500" in (judge.case(case, refused(500, at_s=102.0)) or "")
    assert "status 500" in (judge.case(case, refused(500, at_s=99.0)) or "")
    assert judge.case(case, refused(429, at_s=102.0)) is None


def test_a_client_that_stayed_and_got_nothing_was_lost() -> None:
    lost = Ending(how="lost", begun_s=0.0, ended_s=1.0, reason="reset")
    left = Ending(how="left", begun_s=0.0, ended_s=1.0)
    case: Any = None
    assert Judge(alone={}).case(case, lost) == "no answer: reset"
    assert Judge(alone={}).case(case, left) is None
