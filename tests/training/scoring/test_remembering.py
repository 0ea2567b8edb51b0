"""A frame that came before is not encoded again, and answers stay what they are."""

import numpy as np
import pytest

from models.runtime.eager import EagerRuntime
from models.runtime.inputs import InputError
from models.runtime.predictor import predict
from models.runtime.protocol import FrameMaps
from tests.tiny_models import TINY, wild
from training.scoring.remembering import Remembering


class Counting(EagerRuntime):
    """Counts the frames that it encodes."""

    num_frames = 0

    def frame(self, image: np.ndarray, size: np.ndarray) -> FrameMaps:
        self.num_frames += len(image)
        return super().frame(image, size)


def frames(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, 40, 56, 3), np.uint8))


def test_flow_there_and_back_along_a_clip_encodes_each_frame_once() -> None:
    runtime = Counting(wild(TINY["lookup"]))
    ask = Remembering(runtime)
    clip = frames(4)
    for last, now in zip(clip, clip[1:], strict=False):
        ask(now, last)
        ask(last, now)
    assert runtime.num_frames == 4


def test_answers_are_those_of_a_pair_and_of_a_single_image() -> None:
    runtime = EagerRuntime(wild(TINY["lookup"]))
    ask = Remembering(runtime)
    first, second = frames(2)
    expected, found = predict(runtime, first, second), ask(first, second)
    assert expected.flow is not None
    assert found.flow is not None
    np.testing.assert_allclose(found.flow, expected.flow, rtol=1e-3, atol=1e-3)
    alone = ask(second, None)
    assert alone.flow is None
    assert alone.labels is not None
    assert (alone.labels == predict(runtime, second).labels).all()


def test_frames_of_two_sizes_are_refused() -> None:
    first, second = frames(2)
    with pytest.raises(InputError, match="frames of one camera"):
        Remembering(EagerRuntime(wild(TINY["lookup"])))(first, second[:-1])
