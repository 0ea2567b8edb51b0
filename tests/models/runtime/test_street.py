"""The shipped graphs: every engine, any size, blind to padding and batch mates."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.bundle_folder import read_bundle
from models.image.sizes import pad_images
from models.runtime.openvino import cpu_has_bf16
from models.runtime.predictor import predict
from models.runtime.protocol import Divisible, Features, Runtime
from models.runtime.select import ENGINES, select_runtime
from tests.need import need

STREET = Path(__file__).parents[3] / "models" / "bundles" / "street"
sizes = st.tuples(st.integers(1, 70), st.integers(1, 70))
installed = [engine for engine in ENGINES if find_spec(engine) is not None]


@cache
def street(engine: str) -> Runtime:
    bundle = read_bundle(STREET)
    return select_runtime(STREET, bundle, engine=engine, precision="f32", threads=1).runtime


def part(features: Features, rows: slice) -> Features:
    return Features(levels={name: level[rows] for name, level in features.levels.items()})


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng([height, width]).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("engine", installed)
@settings(max_examples=12)
@given(size=sizes, mate=sizes, below=st.integers(0, 30), right=st.integers(0, 30))
def test_padding_and_batch_mates_never_matter(
    engine: str, size: tuple[int, int], mate: tuple[int, int], below: int, right: int
) -> None:
    runtime = street(engine)
    frames = [noise(*size), noise(*mate)]
    following = [np.roll(frame, (1, 2), axis=(0, 1)) for frame in frames]
    batch, real = pad_images([*frames, *following])
    batch = np.pad(batch, ((0, 0), (0, below), (0, right), (0, 0)), constant_values=201)
    together = runtime.frame(batch, real)
    first, second = (part(together.features, rows) for rows in (slice(0, 2), slice(2, 4)))
    flow = runtime.flow(first, second, real[:2])
    alone = predict(runtime, frames[0], following[0])
    h, w = size
    assert alone.label_confidence is not None
    assert alone.labels is not None
    assert together.labels is not None
    sure = alone.label_confidence > 0.5  # else two classes may tie
    np.testing.assert_array_equal(together.labels[0, :h, :w][sure], alone.labels[sure])
    for name in ("label_confidence", "depth", "depth_uncertainty"):
        expected = getattr(alone, name).astype(np.float64)
        np.testing.assert_allclose(
            getattr(together, name)[0, :h, :w], expected, rtol=2e-3, atol=1e-3, err_msg=name
        )
    assert alone.flow is not None
    np.testing.assert_allclose(flow.flow[0, :h, :w], alone.flow, rtol=1e-3, atol=5e-3)


def test_features_stay_in_bfloat16_between_graphs_that_compute_in_it() -> None:
    if not cpu_has_bf16():
        pytest.skip("this CPU has no bf16")
    bundle = read_bundle(STREET)
    slim = select_runtime(STREET, bundle, engine="openvino", precision="bf16").runtime
    assert set(slim.precisions.values()) == {"bf16"}
    frames = [noise(40, 70), np.roll(noise(40, 70), 2, axis=1)]
    batch, real = pad_images(frames)
    features = slim.frame(batch, real).features
    assert {level.itemsize for level in features.levels.values()} == {2}
    found = slim.flow(part(features, slice(0, 1)), part(features, slice(1, 2)), real[:1])
    expected = predict(street("onnxruntime"), *frames).flow
    assert expected is not None
    assert np.abs(found.flow[0, :40, :70] - expected).mean() < 0.2


@pytest.mark.parametrize("engine", installed)
def test_a_tiny_image_before_a_large_one_spoils_nothing(engine: str) -> None:
    bundle = read_bundle(STREET)
    fresh = select_runtime(STREET, bundle, engine=engine, precision="f32", threads=1).runtime
    predict(fresh, noise(1, 1), noise(1, 1))
    found = predict(fresh, noise(97, 131), noise(97, 131))
    expected = predict(street("onnxruntime"), noise(97, 131), noise(97, 131))
    assert found.depth is not None
    assert expected.depth is not None
    np.testing.assert_allclose(found.depth, expected.depth, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_a_share_answers_as_the_whole_engine_whatever_it_has_seen_first(precision: str) -> None:
    need("openvino")
    if precision == "bf16" and not cpu_has_bf16():
        pytest.skip("this CPU has no bf16")
    whole = select_runtime(
        STREET, read_bundle(STREET), engine="openvino", precision=precision, threads=2
    ).runtime
    assert isinstance(whole, Divisible)
    share = whole.share(1)
    predict(share, noise(1, 1), noise(1, 1))  # kernels made for it alone would be wrong for others
    image = noise(100, 150)
    found, expected = (predict(one, image, np.roll(image, 2, axis=1)) for one in (share, whole))
    assert found.labels is not None
    assert found.flow is not None
    assert expected.flow is not None
    assert (found.labels == expected.labels).mean() > 0.99
    np.testing.assert_allclose(found.depth, expected.depth, rtol=0.03)  # type: ignore[arg-type]
    assert np.quantile(np.abs(found.flow - expected.flow), 0.99) < 0.5
