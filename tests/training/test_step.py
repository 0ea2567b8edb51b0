"""One batch in, finite losses out; both frames in one pass are what two passes are."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.tiny_models import TINY, wild
from training.data.batch import Batch, collate
from training.data.sample import Cut
from training.recipe import LossWeights
from training.step import Chance, Known, _encode, count_known, losses

CLASS_WEIGHTS = torch.ones(11)
SIDE = 64


def cut(seed: int, *, next_shift: int = 0) -> Cut:
    """Two windows of a canvas, with every truth."""
    rng = np.random.default_rng(seed)
    origins = np.array([[0, 0], [64, 96]])
    return Cut(
        name=str(seed),
        canvas=(128, 192),
        origins=origins,
        image=rng.integers(0, 256, (2, SIDE, SIDE, 3), np.uint8),
        next_origins=origins + next_shift,
        next_image=rng.integers(0, 256, (2, SIDE, SIDE, 3), np.uint8),
        labels=rng.integers(0, 11, (2, SIDE, SIDE), np.uint8),
        inverse_depth=rng.uniform(0.1, 1, (2, SIDE, SIDE)).astype(np.float32),
        flow=rng.normal(0, 3, (2, SIDE, SIDE, 2)).astype(np.float32),
    )


def pairs(next_shift: int = 0) -> Batch:
    cuts = [cut(0, next_shift=next_shift), cut(1, next_shift=next_shift)]
    return collate(cuts, rendered=True)


@pytest.mark.parametrize("family", sorted(TINY))
def test_every_task_of_two_windows_has_a_loss_and_every_parameter_learns(family: str) -> None:
    model = wild(TINY[family]).train()
    rendered = replace(pairs(), next_image=None, next_origins=None, flow=None)
    unknown = rendered.inverse_depth * torch.nan
    images = replace(rendered, inverse_depth=unknown, rendered=False)
    found: dict[str, torch.Tensor] = {}
    for batch in (images, pairs(next_shift=16)):
        found |= losses(
            model, batch, weights=LossWeights(), class_weights=CLASS_WEIGHTS, chance=Chance()
        )
    assert set(found) == {"segmentation", "scene_segmentation", "depth", "flow"}
    total = torch.stack(list(found.values())).sum()
    assert total.isfinite()
    total.backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert without == []


@pytest.mark.parametrize("family", sorted(TINY))
@torch.no_grad()
def test_both_frames_at_once_are_each_frame_by_itself(family: str) -> None:
    model = wild(TINY[family])
    batch = pairs(next_shift=32)
    first, second = _encode(model, batch, Chance())
    assert second is not None
    for encoded, windows in ((first, batch.windows()), (second, batch.next_windows())):
        alone = model.encode(windows, position_scale=torch.ones(2))
        for stride, level in alone.pyramid.items():
            torch.testing.assert_close(encoded.pyramid[stride], level, atol=1e-4, rtol=1e-4)
        assert torch.equal(encoded.placement.origins, windows.placement.origins)


@torch.no_grad()
def test_rendered_labels_count_less() -> None:
    model = wild(TINY["lookup"])
    weights = LossWeights(segmentation=1.0, scene_segmentation=0.25)

    def value(batch: Batch, name: str) -> float:
        return float(
            losses(model, batch, weights=weights, class_weights=CLASS_WEIGHTS, chance=Chance())[
                name
            ]
        )

    rendered = replace(pairs(), next_image=None, next_origins=None, flow=None)
    real = replace(rendered, rendered=False)  # that it knows its depth does not matter
    assert value(rendered, "scene_segmentation") == pytest.approx(
        0.25 * value(real, "segmentation"), rel=1e-4
    )


def test_the_losses_of_parts_add_up_to_that_of_the_whole() -> None:
    whole = collate([cut(i) for i in range(4)])
    whole.labels[0, :, 10:] = 255  # the samples know differently much
    whole.labels[3] = 255
    whole.inverse_depth[1] = torch.nan
    whole.inverse_depth[2, :, 20:] = torch.nan
    assert whole.flow is not None
    whole.flow[0, :, :40] = torch.nan
    known = count_known(whole)
    assert known == Known(labels=3, depth=3, flow=4, samples=4)

    def gradients(batches: list[Batch]) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
        model = wild(TINY["lookup"])
        sums: dict[str, float] = {}
        for batch in batches:
            found = losses(
                model,
                batch,
                weights=LossWeights(),
                class_weights=CLASS_WEIGHTS,
                chance=Chance(),
                known=known,
            )
            torch.stack(list(found.values())).sum().backward()
            for name, value in found.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
        return sums, {name: p.grad for name, p in model.named_parameters() if p.grad is not None}

    expected, expected_gradients = gradients([whole])
    parts = [whole.rows(slice(0, 1)), whole.rows(slice(1, 4)), whole.rows(slice(0, 2)).blank()]
    found, found_gradients = gradients(parts)
    assert found == pytest.approx(expected, rel=1e-5)
    # Some are zero but for rounding: no shift of depth matters to its loss.
    largest = max(float(gradient.abs().max()) for gradient in expected_gradients.values())
    for name, gradient in expected_gradients.items():
        torch.testing.assert_close(
            found_gradients[name], gradient, rtol=1e-3, atol=1e-5 * largest, msg=name
        )


@pytest.mark.parametrize("family", sorted(TINY))
def test_larger_windows_of_the_second_frame_have_losses_and_gradients_too(family: str) -> None:
    model = wild(TINY[family]).train()
    rng = np.random.default_rng(5)
    larger = rng.integers(0, 256, (2, SIDE + 16, SIDE + 16, 3), np.uint8)
    batch = collate([replace(cut(0), next_image=larger)])
    found = losses(
        model, batch, weights=LossWeights(), class_weights=CLASS_WEIGHTS, chance=Chance()
    )
    assert found["flow"].isfinite()
    found["flow"].backward()
    gradient = next(p.grad for n, p in model.named_parameters() if n.startswith("backbone"))
    assert gradient is not None
    assert bool(gradient.abs().sum() > 0)
