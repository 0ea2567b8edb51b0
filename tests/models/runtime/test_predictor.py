"""A pair's frames in one batch or one after the other: the same answer."""

import numpy as np
import pytest

from models.runtime import predictor
from models.runtime.eager import EagerRuntime
from models.runtime.inputs import InputError
from models.runtime.predictor import predict
from tests.tiny_models import TINY, wild


def test_large_frames_are_encoded_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    image, following = rng.integers(0, 256, (2, 37, 55, 3), np.uint8)
    runtime = EagerRuntime(wild(TINY["lookup"]))
    together = predict(runtime, image, following)
    batches: list[int] = []
    frame = runtime.frame

    def counted(images: np.ndarray, size: np.ndarray) -> object:
        batches.append(len(images))
        return frame(images, size)

    monkeypatch.setattr(runtime, "frame", counted)
    monkeypatch.setattr(predictor, "TOGETHER_UP_TO_PX", 37 * 55 - 1)
    apart = predict(runtime, image, following)
    assert batches == [1, 1]
    assert together.flow is not None
    assert apart.flow is not None
    np.testing.assert_allclose(apart.flow, together.flow, atol=1e-3)
    np.testing.assert_array_equal(apart.labels, together.labels)


def test_frames_of_two_sizes_are_refused() -> None:
    small, large = np.zeros((4, 5, 3), np.uint8), np.zeros((4, 6, 3), np.uint8)
    with pytest.raises(InputError, match=r"\(4, 5, 3\), next_image is \(4, 6, 3\)"):
        predict(EagerRuntime(wild(TINY["lookup"])), small, large)
