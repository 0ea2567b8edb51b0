"""Every engine computes the same graphs, from one pixel up, and refuses what does not fit."""

import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.bundle_folder import read_bundle
from models.image.sizes import pad_images
from models.runtime.inputs import InputError, check_frame
from models.runtime.openvino import OpenVino
from models.runtime.predictor import predict
from models.runtime.protocol import Divisible, Features, Runtime
from models.runtime.select import ENGINES, select_runtime
from tests.need import need


@pytest.fixture(params=ENGINES, scope="session")
def runtime(request: pytest.FixtureRequest, folder: Path) -> Runtime:
    need(request.param)
    bundle = read_bundle(folder)
    return select_runtime(folder, bundle, engine=request.param, threads=1, precision="f32").runtime


def plain(height: int, width: int, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.full((height, width, 3), colour, dtype=np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (1, 33), (17, 5), (48, 64)])
def test_a_pair_of_any_size_is_answered_at_its_size(
    runtime: Runtime, size: tuple[int, int]
) -> None:
    answer = predict(runtime, plain(*size, (10, 20, 30)), plain(*size, (13, 18, 31)))
    assert answer.labels is not None
    assert answer.depth is not None
    assert answer.flow is not None
    assert answer.flow_uncertainty is not None
    assert answer.labels.shape == answer.depth.shape == answer.flow_uncertainty.shape == size
    assert (answer.labels == 20 // 24).all()
    np.testing.assert_allclose(answer.depth, 20.0)
    np.testing.assert_allclose(answer.flow[..., 0], 3.0, atol=1e-4)
    np.testing.assert_allclose(answer.flow[..., 1], -2.0, atol=1e-4)
    np.testing.assert_allclose(answer.flow_uncertainty, 1.0, atol=1e-3)


def test_labels_and_depth_follow_the_pixels(runtime: Runtime) -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    answer = predict(runtime, image)
    assert answer.flow is None
    assert answer.depth is not None
    assert answer.label_confidence is not None
    grey = image[..., 0]
    np.testing.assert_array_equal(answer.labels, np.minimum(grey // 24, 10))
    np.testing.assert_allclose(answer.depth, grey, atol=1e-4)
    np.testing.assert_allclose(answer.label_confidence, grey / 255, atol=1e-3)


def test_batch_mates_and_padding_do_not_matter(runtime: Runtime) -> None:
    rng = np.random.default_rng(0)
    small, large = (rng.integers(0, 256, (*size, 3), np.uint8) for size in ((9, 20), (33, 7)))
    batch, size = pad_images([small, large])
    batch[0, 9:], batch[0, :, 20:] = 255, 255
    maps = runtime.frame(batch, size)
    alone = runtime.frame(*pad_images([small]))
    np.testing.assert_array_equal(maps.labels[0, :9, :20], alone.labels[0])  # type: ignore[index]
    for name, level in alone.features.levels.items():
        rows, cols = level.shape[1:3]
        np.testing.assert_allclose(
            maps.features.levels[name][:1, :rows, :cols], level, rtol=1e-4, atol=1e-4
        )


def test_answers_outlive_the_next_call(runtime: Runtime) -> None:
    first = predict(runtime, plain(8, 8, (50, 50, 50)))
    predict(runtime, plain(8, 8, (200, 200, 200)))
    assert first.depth is not None
    np.testing.assert_allclose(first.depth, 50.0)


def test_threads_do_not_mix_their_answers(runtime: Runtime) -> None:
    wrong: list[int] = []

    def ask(level: int) -> None:
        for _ in range(10):
            answer = predict(runtime, plain(5 + level, 8, (level, level, level)))
            if answer.depth is None or not np.allclose(answer.depth, level):
                wrong.append(level)

    threads = [threading.Thread(target=ask, args=(level,)) for level in range(1, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_engine_that_runs_one_call_at_a_time_is_had_once_more_with_other_threads(
    folder: Path,
) -> None:
    need("openvino")
    bundle = read_bundle(folder)
    whole = select_runtime(folder, bundle, engine="openvino", threads=2, precision="f32").runtime
    assert isinstance(whole, OpenVino)
    assert isinstance(whole, Divisible)
    share = whole.share(1)
    assert isinstance(share, OpenVino)
    assert share.precisions == whole.precisions
    threads = {m.get_property("INFERENCE_NUM_THREADS") for m in share._models.values()}
    assert threads == {1}
    models = [*whole._models.values(), *share._models.values()]
    assert not any(model.get_property("ENABLE_CPU_PINNING") for model in models)
    images = plain(20, 30, (40, 50, 60)), plain(20, 30, (43, 48, 61))
    found, expected = (predict(one, *images) for one in (share, whole))
    np.testing.assert_array_equal(found.labels, expected.labels)
    for name in ("depth", "flow", "label_confidence"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-4)


def test_an_engine_that_runs_calls_at_the_same_time_needs_no_shares(folder: Path) -> None:
    need("onnxruntime")
    bundle = read_bundle(folder)
    runtime = select_runtime(folder, bundle, engine="onnxruntime", threads=1).runtime
    assert not isinstance(runtime, Divisible)


@pytest.mark.parametrize(
    ("image", "size", "message"),
    [
        (np.zeros((4, 4, 3), np.uint8), [[4, 4]], r"expected uint8 \(b, h, w, 3\)"),
        (np.zeros((1, 3, 4, 4), np.uint8), [[4, 4]], r"\(1, 3, 4, 4\)"),
        (np.zeros((1, 0, 4, 3), np.uint8), [[1, 4]], "no axis empty"),
        (np.zeros((1, 4, 4, 3), np.uint8), [[5, 4]], r"\[\[5, 4\]\] \(HxW\) in an array of 4x4"),
        (np.zeros((1, 4, 4, 3), np.uint8), [[0, 4]], "expected 1 pixel or more"),
        (np.zeros((2, 4, 4, 3), np.uint8), [[4, 4]], r"expected int64 \(2, 2\)"),
    ],
)
def test_wrong_frames_are_refused(
    runtime: Runtime, image: NDArray[np.uint8], size: list[list[int]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        runtime.frame(image, np.array(size, dtype=np.int64))


def test_normalised_pixels_are_refused() -> None:
    with pytest.raises(InputError, match=r"image is float32 \(1, 4, 4, 3\), expected uint8"):
        check_frame(np.zeros((1, 4, 4, 3), np.float32), np.array([[4, 4]]))


def test_features_of_different_frames_are_refused(runtime: Runtime) -> None:
    small, large = (runtime.frame(*pad_images([plain(n, n, (1, 1, 1))])) for n in (16, 32))
    size = np.array([[16, 16]])
    with pytest.raises(InputError, match="pad both frames to one size"):
        runtime.flow(small.features, large.features, size)
    with pytest.raises(InputError, match="features are of a smaller image"):
        runtime.flow(small.features, small.features, np.array([[17, 16]]))
    with pytest.raises(InputError, match="features of the first frame are"):
        runtime.flow(Features(levels={}), Features(levels={}), size)


def test_frames_of_different_sizes_are_no_pair(runtime: Runtime) -> None:
    with pytest.raises(InputError, match=r"next_image is \(4, 5, 3\)"):
        predict(runtime, plain(4, 4, (0, 0, 0)), plain(4, 5, (0, 0, 0)))
