"""What a step sees follows from the seed and the step alone."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.task import IGNORE_INDEX
from training.data import mixture, rendered
from training.data.batch import Batch
from training.data.correspondence import leaves_image, pixel_grid, warp_back
from training.data.mixture import StepBatches
from training.data.rendered import RenderedPairs
from training.data.sample import Sample
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
    made.__dict__["_labelled"] = [
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


def test_other_classes_leave_depth_and_flow_of_what_is_rendered(batches: StepBatches) -> None:
    other = StepBatches(CONFIG, ("crack", "wall"))
    other.__dict__.update(batches.__dict__ | {"class_names": ("crack", "wall")})
    labelled = 0
    for step in range(4):
        for own, others in zip(batches[step][1:], other[step][1:], strict=True):
            labelled += int((own.labels != IGNORE_INDEX).sum())
            assert (others.labels == IGNORE_INDEX).all()
            assert own.rendered
            assert others.rendered
            assert same(replace(own, labels=others.labels), others)
    assert labelled > 0


class Turning:
    """Real samples of every truth: a pattern that turns about the middle of the picture."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Sample:
        return replace(turning_sample(), name=f"turning {index}")


def turning_sample() -> Sample:
    grid = pixel_grid(240, 320)
    turn = np.array([[np.cos(0.05), -np.sin(0.05)], [np.sin(0.05), np.cos(0.05)]], np.float32)
    middle = np.array([160, 120], np.float32)

    def paint(points: np.ndarray) -> np.ndarray:
        x, y = points[..., 0], points[..., 1]
        waves = [np.sin(x / 9) + np.cos(y / 13), np.sin((x + y) / 11), np.cos((x - 2 * y) / 19)]
        return np.stack([127 + 60 * wave for wave in waves], -1).clip(0, 255).astype(np.uint8)

    flow = ((grid - middle) @ turn.T + middle - grid).astype(np.float32)
    return Sample(
        name="turning",
        image=paint(grid),
        next_image=paint((grid - middle) @ turn + middle),
        labels=np.zeros((240, 320), np.uint8),
        inverse_depth=(1 / (grid[..., 1] + 1)).astype(np.float32),
        flow=flow,
        occluded=leaves_image(flow),
    )


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> StepBatches:
    """Batches of real data alone, colours left as they are so that frames can be compared."""
    for name in ("_degrade", "_degrade_pair"):
        monkeypatch.setattr(mixture, name, lambda rng, sample: sample)  # noqa: ARG005
    config = replace(
        CONFIG,
        images_per_step=0,
        scenes_per_step=0,
        pairs_per_step=0,
        depth=("planted",),
        pairs=("planted",),
        depth_images_per_step=2,
        real_pairs_per_step=2,
    )
    made = StepBatches(config)
    made.__dict__["_with_depth"] = made.__dict__["_real_pairs"] = Turning()
    return made


def test_real_depth_and_real_pairs_are_batches_of_their_own(real: StepBatches) -> None:
    for step in range(6):
        depth, pairs = real[step]
        for batch in (depth, pairs):
            assert not batch.rendered
            assert (batch.labels == IGNORE_INDEX).all()  # labels are learned from `labelled`
            n, h, w = batch.image.shape[1:4]
            assert (n, h, w) in ((1, 48, 64), (2, 64, 64))
            assert (batch.origins % 16 == 0).all()
            assert batch.inverse_depth.isfinite().any()
        assert depth.next_image is None
        assert pairs.flow is not None
        assert pairs.flow.isfinite().any()


def test_the_flow_of_real_pairs_leads_to_the_same_colours(real: StepBatches) -> None:
    numbers_of_windows, tilted = set(), 0
    for step in range(12):
        pairs = real[step][1]
        assert pairs.flow is not None
        assert pairs.next_image is not None
        assert pairs.next_origins is not None
        assert (pairs.next_origins % 16 == 0).all()
        numbers_of_windows.add(pairs.image.shape[1])
        tilted += bool(pairs.flow.isnan().any())
        shift = (pairs.next_origins - pairs.origins).flip(-1)[:, :, None, None]
        flow = (pairs.flow - shift).flatten(0, 1).numpy()  # between the windows themselves
        first, second = (x.flatten(0, 1).numpy() for x in (pairs.image, pairs.next_image))
        for image, next_image, vectors in zip(first, second, flow, strict=True):
            seen = np.isfinite(vectors[..., 0]) & ~leaves_image(vectors.astype(np.float32))
            moved = warp_back(next_image, vectors.astype(np.float32))
            error = np.abs(moved - image.astype(np.float32)).mean(-1)[seen]
            assert error.size > 200
            assert np.median(error) < 6
    assert numbers_of_windows == {1, 2}
    assert tilted > 0


def same(a: Batch, b: Batch) -> bool:
    values = [
        (getattr(a, f.name), getattr(b, f.name)) for f in fields(Batch) if f.name != "rendered"
    ]
    return all(
        (x is None and y is None)
        or (x.shape == y.shape and torch.equal(x.nan_to_num(-7.0), y.nan_to_num(-7.0)))
        for x, y in values
    )
