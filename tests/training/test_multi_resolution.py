"""Copies of a batch that still say the truth, and a consistency that only the student follows."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from models.config import FlowConfig
from models.dense_model import DenseModel
from models.heads.flow import FlowEstimate
from models.weights import load_weights, read_weights
from tests.tiny_models import TINY, wild
from tests.training.test_loop import RECIPE, Planted, Stops, make
from training.data.batch import Batch, collate
from training.data.recolour import recoloured
from training.data.resized import resized
from training.data.sample import Cut
from training.loop import DataEndError, train
from training.losses.consistency import depth_consistency, feature_consistency, label_consistency
from training.multi_resolution import consistency, multi_resolution_losses
from training.own_recipe.recipe_arguments import recipe_of
from training.recipe import LossWeights, MultiResolutionConfig, recipe_to_dict
from training.step import Answers, Chance, Known, answer, count_known, losses

CLASS_WEIGHTS = torch.ones(11)
CONFIG = MultiResolutionConfig()
KINDS = {f"{kind}_consistency" for kind in ("features", "labels", "depth", "flow")}


def crops(*, pair: bool = True, side: int = 64) -> Batch:
    """Two whole images, each one window of its own canvas, with every truth."""
    return collate([crop(s, pair=pair, side=side) for s in range(2)], rendered=pair)


def crop(seed: int, *, pair: bool, side: int) -> Cut:
    rng = np.random.default_rng(seed)
    shape = (1, side, side + 32)
    zero = np.zeros((1, 2), np.int64)
    return Cut(
        name=str(seed),
        canvas=shape[1:],
        origins=zero,
        image=rng.integers(0, 256, (*shape, 3), np.uint8),
        next_origins=zero if pair else None,
        next_image=rng.integers(0, 256, (*shape, 3), np.uint8) if pair else None,
        labels=rng.integers(0, 11, shape, np.uint8),
        inverse_depth=rng.uniform(0.1, 1, shape).astype(np.float32),
        flow=np.tile(np.array([4.0, -2.0], np.float32), (*shape, 1)) if pair else None,
    )


CANVAS = (176, 240)


def windows(origins: list[list[int]], next_origins: list[list[int]], side: int = 80) -> Batch:
    """Windows of one large canvas that is smooth enough to be told apart after resizing."""
    rng = np.random.default_rng(0)
    whole = np.kron(rng.integers(0, 256, (11, 15, 3)), np.ones((16, 16, 1))).astype(np.uint8)

    def cut(at: list[list[int]], x: np.ndarray) -> np.ndarray:
        return np.stack([x[y : y + side, z : z + side] for y, z in at])

    return collate(
        [
            Cut(
                name="w",
                canvas=CANVAS,
                origins=np.array(origins),
                image=cut(origins, whole),
                next_origins=np.array(next_origins),
                next_image=cut(next_origins, whole),
                flow=np.full((len(origins), side, side, 2), 3.0, np.float32),
            )
        ]
    )


def test_a_whole_image_fills_its_copy_and_the_truth_follows() -> None:
    batch = crops()
    batch.inverse_depth[0, 0, :2, :2] = torch.tensor([[0.5, torch.nan], [1.0, torch.nan]])
    batch.inverse_depth[0, 0, :2, 2:4] = torch.tensor([[0.5, torch.nan], [torch.nan, torch.nan]])
    half, same, double = (resized(batch, size).batch for size in (0.5, 1.0, 2.0))
    assert half.image.shape == (2, 1, 32, 48, 3)
    assert double.image.shape == (2, 1, 128, 192, 3)
    assert half.canvas.tolist() == [[32, 48]] * 2
    mean = batch.image[0, 0, :2, :2].float().mean((0, 1)).round()
    assert half.image[0, 0, 0, 0].tolist() == mean.tolist()
    assert half.flow is not None
    assert double.flow is not None
    assert half.flow[1, 0, 3, 3].tolist() == [2.0, -1.0]
    assert double.flow[1, 0, 3, 3].tolist() == [8.0, -4.0]
    assert torch.equal(half.labels, batch.labels[:, :, 1::2, 1::2])
    assert torch.equal(double.labels[:, :, ::2, ::2], batch.labels)
    assert half.inverse_depth[0, 0, 0, 0] == 0.75  # half of it is known
    assert half.inverse_depth[0, 0, 0, 1].isnan()  # less than half
    for name in ("image", "next_image", "labels", "flow"):
        assert torch.equal(getattr(same, name), getattr(batch, name)), name


def test_sides_that_are_no_multiples_are_rounded_and_flow_follows_each_axis() -> None:
    copy = resized(crops(side=80), 0.7)  # 80x112 becomes 56x78.4, so 64x80
    assert copy.batch.image.shape[2:4] == (64, 80)
    assert copy.factor == (64 / 80, 80 / 112)
    assert copy.batch.flow is not None
    torch.testing.assert_close(
        copy.batch.flow[0, 0, 0, 0], torch.tensor([4 * 80 / 112, -2 * 64 / 80])
    )


@pytest.mark.parametrize("size", [0.5, 2.0])
def test_windows_stay_where_they_lie_on_the_canvas(size: float) -> None:
    origins, moved = [[16, 0], [96, 144]], [[32, 16], [80, 160]]
    batch = windows(origins, moved)
    rng = np.random.default_rng(0)
    whole = np.kron(rng.integers(0, 256, (11, 15, 3)), np.ones((16, 16, 1)))
    canvas = torch.tensor(whole).permute(2, 0, 1)[None].float()
    enlarge = {0.5: "area", 2.0: "bilinear"}[size]
    expected = F.interpolate(canvas, scale_factor=size, mode=enlarge)[0].permute(1, 2, 0).round()
    copy = resized(batch, size)
    found = copy.batch
    assert found.canvas.tolist() == [[round(side * size) for side in CANVAS]]
    assert found.next_image is not None
    assert found.next_origins is not None
    assert found.image.shape == found.next_image.shape  # equal windows stay equal
    assert not (found.origins % 16).any()
    h, w = found.image.shape[2:4]
    border = 0 if size < 1 else 2  # a window's own border is repeated, the canvas goes on there
    for image, at in ((found.image, found.origins), (found.next_image, found.next_origins)):
        for piece, (y, x) in zip(image[0], at[0].tolist(), strict=True):
            true = expected[y + border : y + h - border, x + border : x + w - border]
            inner = piece[border : h - border, border : w - border].float()
            torch.testing.assert_close(inner, true, atol=1.0, rtol=0)
    assert found.flow is not None
    assert bool((found.flow == 3.0 * size).all())
    # Nothing is lost but what is beyond the grid's last lines.
    before = np.array(origins) * size
    lost = found.origins[0].numpy() - before
    assert ((lost >= 0) & (lost < 16)).all()
    assert h > 80 * size - 2 * 16


@pytest.mark.parametrize("size", [0.4, 0.5, 0.75, 1.0, 1.5, 2.0])
def test_windows_are_as_large_wherever_they_lie(size: float) -> None:
    # A part of a batch is resized alone: it must look as it does among the others.
    even, odd = [[0, 0], [64, 32]], [[16, 48], [80, 80]]
    sides = {
        resized(windows(first, second, side=96), size).batch.image.shape[2:]
        for first in (even, odd)
        for second in (even, odd)
    }
    assert len(sides) == 1


def test_a_window_without_a_whole_cell_is_refused() -> None:
    batch = windows([[0, 0], [96, 144]], [[0, 0], [96, 144]], side=16)
    with pytest.raises(ValueError, match="16x16 .* at 0.5 times its size holds no whole cell"):
        resized(batch, 0.5)


def test_every_copy_has_colours_of_its_own_and_both_frames_share_them() -> None:
    batch = crops()
    batch = replace(batch, next_image=batch.image.clone())
    rng = np.random.default_rng(0)
    first, second = recoloured(batch, rng), recoloured(batch, rng)
    assert not torch.equal(first.image, second.image)
    assert first.next_image is not None
    assert torch.equal(first.image, first.next_image)
    assert first.labels is batch.labels
    # A sample looks the same whatever else is in its batch.
    alone = recoloured(batch.rows(slice(1, 2)), np.random.default_rng(0))
    assert torch.equal(alone.image, first.image[1:])
    assert (first.image.float() - batch.image.float()).mean().abs() < 50


def test_features_that_are_the_normalised_ones_of_the_teacher_cost_nothing() -> None:
    theirs = torch.randn(2, 8, 4, 6, generator=torch.Generator().manual_seed(0)) * 3 + 1
    own = F.layer_norm(theirs.permute(0, 2, 3, 1), (8,), eps=1e-6).permute(0, 3, 1, 2)
    both = torch.ones(2, 1, 4, 6, dtype=torch.bool)
    assert feature_consistency(own, theirs, both).tolist() == [0.0, 0.0]
    # One channel of eight is off by 3 in every cell of a sample: smooth L1 is 2.5 there.
    off = own.clone()
    off[1, 0] += 3.0
    assert feature_consistency(off, theirs, both).tolist() == [0.0, pytest.approx(2.5 / 8)]
    both[..., 3:] = False
    off[..., 3:] = torch.nan
    assert feature_consistency(off, theirs, both).tolist() == [0.0, pytest.approx(2.5 / 8)]


def test_labels_cost_their_divergence() -> None:
    theirs = torch.tensor([0.5, 0.5]).reshape(1, 2, 1, 1)
    own = torch.tensor([0.25, 0.75]).reshape(1, 2, 1, 1)
    both = torch.ones(1, 1, 1, 1, dtype=torch.bool)
    assert float(label_consistency(theirs.log(), theirs, both)) == pytest.approx(0.0, abs=1e-7)
    expected = 0.5 * np.log(2) + 0.5 * np.log(2 / 3)
    assert float(label_consistency(own.log(), theirs, both)) == pytest.approx(expected)


def test_scale_and_shift_of_depth_cost_nothing() -> None:
    theirs = torch.rand(4, 6, 8, generator=torch.Generator().manual_seed(0))
    both = torch.ones(2, 2, 6, 8, dtype=torch.bool)
    factor = torch.tensor([3.0, 3.0, 0.5, 0.5])[:, None, None]  # of the two windows of a sample
    same = depth_consistency(theirs * factor + 5.0, theirs, both)
    torch.testing.assert_close(same, torch.zeros(2), atol=1e-5, rtol=0)
    assert bool((depth_consistency(-theirs, theirs, both) > 0.5).all())
    few = both.clone()
    few[0] = False
    few[0, 0, 0] = True  # eight cells say nothing about a scale
    found = depth_consistency(-theirs, theirs, few)
    assert found[0] == 0.0
    assert found[1] > 0.5


def answers_of(size: float, *, seed: int = 0) -> tuple[Answers, Batch]:
    model = wild(TINY["lookup"])
    batch = resized(crops(), size).batch
    return answer(model, batch, Chance(seed=seed)), batch


@torch.no_grad()
def test_equal_answers_are_consistent_and_flow_grows_with_the_image() -> None:
    batch = crops()
    same = resized(batch, 1.0)
    answers, _ = answers_of(1.0)
    # Raw features are not their own normalised ones: they alone cost something.
    kinds = consistency(answers, same, answers, same, config=CONFIG)
    assert set(kinds) == KINDS
    for kind in KINDS - {FEATURES}:
        torch.testing.assert_close(kinds[kind], torch.zeros(2), atol=1e-5, rtol=0)
    assert answers.flow is not None
    double = resized(batch, 2.0)
    higher, _ = answers_of(2.0)
    assert higher.flow is not None

    def moving(estimates: list[FlowEstimate], u: float) -> list[FlowEstimate]:
        return [replace(e, flow=torch.full_like(e.flow, u)) for e in estimates]

    taught = replace(higher, flow=moving(higher.flow, 3.0))
    right = replace(answers, flow=moving(answers.flow, 1.5))
    found = consistency(right, same, taught, double, config=CONFIG)
    assert found["flow_consistency"].tolist() == [pytest.approx(0.0, abs=1e-6)] * 2
    wrong = replace(answers, flow=moving(answers.flow, 3.0))
    found = consistency(wrong, same, taught, double, config=CONFIG)
    # 1.5 px too much: smooth L1 is 1 on both axes, times its weight.
    assert found["flow_consistency"].tolist() == [pytest.approx(CONFIG.flow)] * 2


FEATURES = "features_consistency"


def test_the_teacher_gets_no_gradient() -> None:
    teacher, student = wild(TINY["lookup"]), wild(TINY["lookup"])
    high, low = (resized(crops(), size) for size in (1.0, 0.5))
    kinds = consistency(
        answer(student, low.batch, Chance()),
        low,
        answer(teacher, high.batch, Chance()),
        high,
        config=CONFIG,
    )
    torch.stack(list(kinds.values())).sum().backward()
    assert all(p.grad is None for p in teacher.parameters())
    assert any(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in student.parameters())


def step_losses(
    model: DenseModel,
    batch: Batch,
    config: MultiResolutionConfig,
    chance: Chance | None = None,
    known: Known | None = None,
) -> dict[str, Tensor]:
    return multi_resolution_losses(
        model,
        batch,
        config=config,
        weights=LossWeights(),
        class_weights=CLASS_WEIGHTS,
        chance=chance or Chance(),
        known=known,
    )


@pytest.mark.parametrize("family", sorted(TINY))
def test_every_task_sees_every_resolution(family: str) -> None:
    model = wild(TINY[family]).train()
    for batch in (crops(), windows([[16, 0], [96, 144]], [[32, 16], [80, 160]])):
        found = step_losses(model, batch, CONFIG)
        assert set(found) >= KINDS | {"flow"}
        total = torch.stack(list(found.values())).sum()
        assert total.isfinite()
        total.backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_tasks_are_averaged_over_the_copies() -> None:
    model = wild(TINY["lookup"])
    batch = crops()
    silent = replace(CONFIG, features=0.0, labels=0.0, depth=0.0, flow=0.0)
    with torch.no_grad():
        found = step_losses(model, batch, silent, Chance(seed=3))
        rng = np.random.default_rng(3)
        copies = [recoloured(resized(batch, size).batch, rng) for size in (2.0, 1.0, 0.5)]
        each = [
            losses(
                model,
                copy,
                weights=LossWeights(),
                class_weights=CLASS_WEIGHTS,
                chance=Chance(seed=3),
            )
            for copy in copies
        ]
    assert set(found) == {"scene_segmentation", "depth", "flow"}
    for name, value in found.items():
        expected = sum(float(x[name]) for x in each) / 3
        assert float(value) == pytest.approx(expected, rel=1e-5), name


def test_the_parts_of_a_batch_add_up_to_the_whole() -> None:
    model = wild(TINY["lookup"])
    batch = crops()
    known = count_known(batch)
    parts = [batch.rows(slice(0, 1)), batch.rows(slice(1, 2)), batch.rows(slice(0, 1)).blank()]
    with torch.no_grad():
        whole = step_losses(model, batch, CONFIG)
        found = [step_losses(model, part, CONFIG, known=known) for part in parts]
    assert all(set(part) == set(whole) for part in found)  # blank ones run the same layers
    assert all(float(value) == 0.0 for value in found[2].values())
    for name, value in whole.items():
        assert sum(float(part[name]) for part in found) == pytest.approx(float(value), rel=1e-4)


def test_single_images_and_models_without_flow_are_consistent_in_what_they_have() -> None:
    model = wild(replace(TINY["resformer"], flow=None, depth=None))
    batch = crops(pair=False)
    batch = replace(batch, inverse_depth=batch.inverse_depth * torch.nan)
    config = replace(CONFIG, feature_stride=16)
    found = step_losses(model, batch, config)
    assert set(found) == {"segmentation", "features_consistency", "labels_consistency"}


SMALL = replace(
    RECIPE,
    num_steps=3,
    multi_resolution=MultiResolutionConfig(sizes=(0.5, 1.0)),
    model=replace(
        RECIPE.model,
        flow=FlowConfig(
            descriptor_channels=8,
            context_channels=8,
            hidden_channels=16,
            radius=1,
            num_iterations=(1, 1, 1, 1, 1),
        ),
    ),
)


def test_a_run_at_several_resolutions_resumes_exactly(tmp_path: Path) -> None:
    _, expected = read_weights(train(SMALL, tmp_path / "straight", Planted()))
    with pytest.raises(DataEndError):
        train(SMALL, tmp_path / "stopped", Stops(at=2))
    _, found = read_weights(train(SMALL, tmp_path / "stopped", Planted()))
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
    lines = (tmp_path / "straight" / "losses.jsonl").read_text().splitlines()
    assert set(json.loads(lines[-1])) >= KINDS


def test_the_planted_answer_is_learned_at_every_resolution(tmp_path: Path) -> None:
    several = MultiResolutionConfig(sizes=(0.5, 1.0))
    model = replace(TINY["resformer"], flow=None)
    recipe = replace(
        RECIPE, num_steps=60, checkpoint_every=60, model=model, multi_resolution=several
    )
    weights = train(recipe, tmp_path, Planted())
    lines = (tmp_path / "losses.jsonl").read_text().splitlines()
    first, last = json.loads(lines[0]), json.loads(lines[-1])
    for task in ("segmentation", "depth"):
        assert last[task] < 0.8 * first[task], task
    trained = load_weights(weights)
    batch = collate([make(np.random.default_rng(10**6 + i), pair=False) for i in range(4)])
    for size in several.sizes:
        copy = resized(batch, size).batch
        with torch.no_grad():
            logits = trained.maps(trained.encode(copy.windows())).logits
        assert logits is not None
        right = logits.argmax(1) == copy.labels[:, 0, 2::4, 2::4]
        assert float(right.float().mean()) > 0.9, size


def test_it_is_chosen_on_the_command_line() -> None:
    arguments = ["--multi-resolution.sizes", "0.5", "1", "--multi-resolution.flow", "0"]
    recipe = recipe_of(["street", *arguments], prog="test")
    assert recipe.multi_resolution == MultiResolutionConfig(sizes=(0.5, 1.0), flow=0.0)
    plain = recipe_of(["street", "--multi-resolution", "--num-steps", "7"], prog="test")
    assert (plain.multi_resolution, plain.num_steps) == (MultiResolutionConfig(), 7)
    assert recipe_of(["street"], prog="test").multi_resolution is None
    assert recipe_to_dict(recipe)["multi_resolution"]["sizes"] == [0.5, 1.0]


@pytest.mark.parametrize("sizes", [(1.0,), (2.0, 1.0), (0.5, 0.5), (0.0, 1.0)])
def test_sizes_that_make_no_teacher_are_refused(sizes: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="two or more different factors above 0 in ascending"):
        MultiResolutionConfig(sizes=sizes)
