"""What a step sees follows from the seed and the step alone."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training.data import rendered
from training.data.batch import Batch
from training.data.mixture import StepBatches
from training.data.rendered import RenderedPairs
from training.data.sample import Sample
from training.data.share import Share
from training.recipe import DataConfig

CONFIG = DataConfig(
    images_per_step=2,
    scenes_per_step=2,
    pairs_per_step=3,
    window=(64, 96),
    pair_window=(48, 64),
    square=64,
    two_windows_share=0.5,
    num_scenes=2,
    num_layered=3,
    pool_window=(64, 80),
)


@pytest.fixture
def batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StepBatches:
    monkeypatch.setattr(rendered, "POOLS", tmp_path)
    monkeypatch.setattr(rendered, "LARGE_CANVASES", ((160, 240),))
    rng = np.random.default_rng(0)
    photographs = [rng.integers(0, 256, (120, 160, 3), np.uint8) for _ in range(2)]
    made = StepBatches(CONFIG)
    made.__dict__["_camvid"] = [
        Sample(name="road", image=photograph, labels=photograph[..., 0] // 24)
        for photograph in photographs
    ]
    pairs = RenderedPairs(config=CONFIG)
    pairs.__dict__["_photographs"] = photographs
    made.__dict__["_pairs"] = pairs
    return made


def test_a_step_is_the_same_whenever_it_is_asked_for(batches: StepBatches) -> None:
    once = [batches[step] for step in range(4)]
    again = [batches[step] for step in reversed(range(4))][::-1]
    for first, second in zip(once, again, strict=True):
        for a, b in zip(first, second, strict=True):
            assert same(a, b)
    assert not same(once[0][0], once[1][0])


def test_the_shares_of_all_processes_are_the_whole_step(batches: StepBatches) -> None:
    wholes = [batches[step] for step in range(2)]
    for world_size in (2, 3):
        shares = [share_of(batches, rank, world_size) for rank in range(world_size)]
        for step, whole in enumerate(wholes):
            made = [share[step] for share in shares]
            for number, batch in enumerate(whole):
                parts = [parts[number] for parts in made if knows_anything(parts[number])]
                for name in ("image", "labels", "inverse_depth"):
                    joined = torch.cat([getattr(part, name) for part in parts])
                    expected: torch.Tensor = getattr(batch, name)
                    torch.testing.assert_close(joined, expected, rtol=0, atol=0, equal_nan=True)


def share_of(batches: StepBatches, rank: int, world_size: int) -> StepBatches:
    made = replace(batches, share=Share(rank=rank, world_size=world_size))
    made.__dict__.update({name: batches.__dict__[name] for name in ("_camvid", "_pairs")})
    return made


def knows_anything(batch: Batch) -> bool:
    known = bool((batch.labels != 255).any() or batch.inverse_depth.isfinite().any())
    return known or (batch.flow is not None and bool(batch.flow.isfinite().any()))


def test_each_batch_knows_what_its_data_know(batches: StepBatches) -> None:
    numbers_of_windows = set()
    for step in range(8):
        images, scenes, pairs = batches[step]
        n = images.image.shape[1]
        numbers_of_windows.add(n)
        window, other = ((64, 96), (48, 64)) if n == 1 else ((64, 64), (64, 64))
        assert images.image.shape == (2, n, *window, 3)
        assert scenes.image.shape == (2, n, *other, 3)
        assert pairs.image.shape == (3, n, *other, 3)
        assert images.flow is None
        assert not images.inverse_depth.isfinite().any()
        assert scenes.flow is None
        assert scenes.next_image is None
        assert scenes.inverse_depth.isfinite().any()
        assert pairs.next_image is not None
        assert pairs.flow is not None
        assert pairs.flow.isfinite().any()
    assert numbers_of_windows == {1, 2}


def same(a: Batch, b: Batch) -> bool:
    values = [(getattr(a, f.name), getattr(b, f.name)) for f in fields(Batch)]
    return all(
        (not isinstance(x, torch.Tensor) and x == y)
        or (x.shape == y.shape and torch.equal(x.nan_to_num(-7.0), y.nan_to_num(-7.0)))
        for x, y in values
    )
