"""A pool renders once and gives the same ever after."""

from pathlib import Path

import numpy as np

from training.data.pool import Pool, load_cut, save_cut
from training.data.sample import Cut


def make(index: int) -> Cut:
    rng = np.random.default_rng(index)
    return Cut(
        name=f"made/{index}",
        canvas=(32, 48),
        origins=np.array([[0, 16]]),
        image=rng.integers(0, 256, (1, 16, 16, 3), np.uint8),
        inverse_depth=rng.uniform(0.01, 1, (1, 16, 16)).astype(np.float32),
        flow=rng.normal(scale=300, size=(1, 16, 16, 2)).astype(np.float32),
    )


def test_a_cut_comes_back_from_its_file(tmp_path: Path) -> None:
    save_cut(tmp_path / "a.npz", make(3))
    found = load_cut(tmp_path / "a.npz")
    assert found.name == "made/3"
    assert found.canvas == (32, 48)
    assert found.next_image is None
    expected = make(3)
    assert expected.flow is not None
    assert expected.inverse_depth is not None
    assert np.array_equal(found.image, expected.image)
    # Exactly: 300.1 px would be 300 in float16.
    assert found.flow is not None
    assert found.flow.dtype == np.float32
    assert np.array_equal(found.flow, expected.flow)
    assert found.inverse_depth is not None
    assert found.inverse_depth.dtype == np.float32
    np.testing.assert_allclose(found.inverse_depth, expected.inverse_depth, rtol=2**-11)


def test_an_item_is_rendered_once_and_is_the_same_at_every_look(tmp_path: Path) -> None:
    calls: list[int] = []

    def render(index: int) -> Cut:
        calls.append(index)
        return make(index)

    pool = Pool(folder=tmp_path / "pool", num_items=5, render=render)
    first, second = pool[2], pool[2]
    assert calls == [2]
    assert first.flow is not None
    assert second.flow is not None
    assert np.array_equal(first.flow, second.flow)
    assert [path.name for path in (tmp_path / "pool").iterdir()] == ["000002.npz"]
