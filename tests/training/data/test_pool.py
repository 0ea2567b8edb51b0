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
        flow=rng.normal(size=(1, 16, 16, 2)).astype(np.float32),
    )


def test_a_cut_comes_back_from_its_file(tmp_path: Path) -> None:
    save_cut(tmp_path / "a.npz", make(3))
    found = load_cut(tmp_path / "a.npz")
    assert found.name == "made/3"
    assert found.canvas == (32, 48)
    assert found.next_image is None
    assert np.array_equal(found.image, make(3).image)
    assert found.flow is not None
    assert found.flow.dtype == np.float32
    expected = make(3).flow
    assert expected is not None
    np.testing.assert_allclose(found.flow, expected, rtol=1e-3)  # float16 on disk


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
