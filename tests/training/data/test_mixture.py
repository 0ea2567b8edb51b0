"""What a step sees follows from the seed and the step alone."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.task import IGNORE_INDEX
from training.data import draws, rendered
from training.data.batch import Batch
from training.data.correspondence import leaves_image, pixel_grid, warp_back
from training.data.mixture import StepBatches
from training.data.rendered import RenderedPairs
from training.data.sample import Sample
from training.data.share import Share
from training.recipe import DataConfig, WindowConfig

CONFIG = DataConfig(
    images_per_step=2,
    scenes_per_step=2,
    pairs_per_step=3,
    window=(64, 96),
    pair_window=(48, 64),
    windows=WindowConfig(sides=(48, 64), canvas_px=(20_000, 60_000)),
    canvas_range=(1.0, 1.0),
    two_windows_share=0.5,
    num_scenes=2,
    num_layered=3,
    pool_window=(64, 80),
)


@pytest.fixture
def batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StepBatches:
    monkeypatch.setattr(rendered, "POOLS", tmp_path)
    rng = np.random.default_rng(0)
    photographs = [rng.integers(0, 256, (120, 160, 3), np.uint8) for _ in range(2)]
    made = StepBatches(CONFIG)
    made.draws.__dict__["_labelled"] = [
        Sample(name="road", image=photograph, labels=photograph[..., 0] // 24)
        for photograph in photographs
    ]
    pairs = RenderedPairs(config=CONFIG)
    pairs.__dict__["_photographs"] = photographs
    made.draws.__dict__["_pairs"] = pairs
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
    made.draws.__dict__.update(batches.draws.__dict__)
    return made


def knows_anything(batch: Batch) -> bool:
    known = bool((batch.labels != 255).any() or batch.inverse_depth.isfinite().any())
    return known or (batch.flow is not None and bool(batch.flow.isfinite().any()))


def test_each_batch_knows_what_its_data_know(batches: StepBatches) -> None:
    seen = set()
    for step in range(12):
        images, scenes, pairs = batches[step]
        n, side = images.image.shape[1:3]
        seen.add((n, side))
        window, other = ((64, 96), (48, 64)) if n == 1 else ((side, side), (side, side))
        assert images.image.shape == (2, n, *window, 3)
        assert scenes.image.shape == (2, n, *other, 3)
        assert pairs.image.shape == (3, n, *other, 3)
        assert images.flow is None
        assert not images.inverse_depth.isfinite().any()
        assert scenes.flow is None
        assert scenes.next_image is None
        assert scenes.inverse_depth.isfinite().any()
        assert pairs.next_image is not None
        next_side = pairs.next_image.shape[2]
        assert next_side == other[0] if n == 1 else next_side > side
        assert pairs.flow is not None
        assert pairs.flow.isfinite().any()
    assert seen == {(1, 64), (2, 48), (2, 64)}


def test_crops_differ_in_size_and_a_batch_keeps_its_number_of_pixels(batches: StepBatches) -> None:
    config = replace(CONFIG, canvas_range=(0.5, 2.0), two_windows_share=0.0)
    made = StepBatches(replace(config, images_per_step=8, scenes_per_step=8, pairs_per_step=8))
    made.draws.__dict__.update(batches.draws.__dict__)
    areas = []
    for step in range(12):
        images, scenes, pairs = made[step]
        for batch, usual in ((images, 64 * 96), (scenes, 48 * 64), (pairs, 48 * 64)):
            b, _, h, w = batch.image.shape[:4]
            assert h % 16 == w % 16 == 0
            assert batch.canvas.tolist() == [[h, w]] * b
            assert 0.6 < b * h * w / (8 * usual) < 1.6  # whole samples on a coarse grid
            areas.append(h * w / usual)
        # Too little of a pair shows nothing that is in both frames.
        assert pairs.image.shape[2] >= 0.6 * 48
    assert min(areas) < 0.5
    assert max(areas) > 2


def test_canvases_of_windows_differ_in_size_and_shape(batches: StepBatches) -> None:
    canvases = torch.cat([batch.canvas for step in range(12) for batch in batches[step]])
    windowed = {tuple(canvas) for canvas in canvases.tolist()} - {(64, 96), (48, 64)}
    assert len(windowed) > 8
    assert all(height % 16 == width % 16 == 0 for height, width in windowed)
    assert len({height > width for height, width in windowed}) == 2


def test_other_classes_leave_depth_and_flow_of_what_is_rendered(batches: StepBatches) -> None:
    other = StepBatches(CONFIG, class_names=("crack", "wall"))
    other.draws.__dict__.update(batches.draws.__dict__ | {"class_names": ("crack", "wall")})
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
        monkeypatch.setattr(draws, name, lambda rng, sample: sample)  # noqa: ARG005
    config = replace(
        CONFIG,
        images_per_step=0,
        scenes_per_step=0,
        pairs_per_step=0,
        windows=replace(CONFIG.windows, unmatched_share=0.0, border_px=0, jitter_px=8),
        depth=("planted",),
        pairs=("planted",),
        depth_images_per_step=2,
        real_pairs_per_step=2,
    )
    made = StepBatches(config)
    made.draws.__dict__["_with_depth"] = made.draws.__dict__["_real_pairs"] = Turning()
    return made


def test_real_depth_and_real_pairs_are_batches_of_their_own(real: StepBatches) -> None:
    for step in range(6):
        depth, pairs = real[step]
        for batch in (depth, pairs):
            assert not batch.rendered
            assert (batch.labels == IGNORE_INDEX).all()  # labels are learned from `labelled`
            n, h, w = batch.image.shape[1:4]
            assert (n, h, w) in ((1, 48, 64), (2, 48, 48), (2, 64, 64))
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
        (not isinstance(x, torch.Tensor) and x == y)
        or (x.shape == y.shape and torch.equal(x.nan_to_num(-7.0), y.nan_to_num(-7.0)))
        for x, y in values
    )
