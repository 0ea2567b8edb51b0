"""What is imported computes what timm computes."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.training.foreign.timm_judge import create, features
from tests.training.foreign.windows import imported, run


def image(rows: int, cols: int, patch: int) -> Tensor:
    generator = torch.Generator().manual_seed(rows * 100 + cols)
    return torch.randn(2, 3, rows * patch, cols * patch, generator=generator)


def enlarge_each_patch(x: Tensor, old: int, new: int) -> Tensor:
    """Every patch of old x old pixels resized by itself: what PI-resize is exact for."""
    b, c, h, w = x.shape
    rows, cols = h // old, w // old
    patches = x.reshape(b, c, rows, old, cols, old).permute(0, 2, 4, 1, 3, 5).flatten(0, 2)
    larger: Tensor = F.interpolate(patches, size=(new, new), mode="bilinear")
    larger = larger.unflatten(0, (b, rows, cols))
    return larger.permute(0, 3, 1, 4, 2, 5).reshape(b, c, rows * new, cols * new)


def assert_alike(found: Tensor, expected: Tensor) -> None:
    """Within 1e-4 of the size of the features."""
    scale = expected.abs().max()
    worst = ((found - expected).abs().max() / scale).item()
    assert worst <= 1e-4, f"{worst:.2e} relative"


@pytest.mark.parametrize("grid", [(14, 14), (5, 9), (20, 3)])
def test_a_plain_vit_is_timms(grid: tuple[int, int]) -> None:
    judge = create("vit_tiny_patch16_224", depth=2, dynamic_img_size=True)
    x = image(*grid, 16)
    assert_alike(run(imported(judge.state_dict()), x), features(judge, x, *grid))


@pytest.mark.parametrize(
    "name",
    ["vit_small_patch14_reg4_dinov2", "vit_small_patch14_dinov2", "vit_giant_patch14_dinov2"],
)
@pytest.mark.parametrize("grid", [(8, 8), (6, 11)])
def test_dinov2_is_timms_on_enlarged_patches(name: str, grid: tuple[int, int]) -> None:
    small = {"embed_dim": 192, "num_heads": 3} if "giant" in name else {}
    judge = create(name, depth=2, img_size=112, dynamic_img_size=True, **small)
    x = image(*grid, 14)
    found = run(imported(judge.state_dict()), enlarge_each_patch(x, 14, 16))
    assert_alike(found, features(judge, x, *grid))


def test_patches_of_8_pixels_are_timms_when_enlarged() -> None:
    judge = create("vit_small_patch8_224", depth=2, img_size=64, dynamic_img_size=True)
    x = image(8, 8, 8)
    found = run(imported(judge.state_dict()), enlarge_each_patch(x, 8, 16))
    assert_alike(found, features(judge, x, 8, 8))


@pytest.mark.parametrize(
    "name",
    [
        "vit_small_patch16_dinov3",
        "vit_small_patch16_dinov3_qkvb",
        "vit_small_plus_patch16_dinov3",  # gated MLPs
    ],
)
@pytest.mark.parametrize("grid", [(8, 8), (5, 9)])
def test_dinov3_is_timms(name: str, grid: tuple[int, int]) -> None:
    judge = create(name, depth=2)
    x = image(*grid, 16)
    assert_alike(run(imported(judge.state_dict()), x), features(judge, x, *grid))


def test_deit_with_a_distillation_token_is_timms() -> None:
    judge = create("deit_tiny_distilled_patch16_224", depth=2, dynamic_img_size=True)
    x = image(6, 7, 16)
    assert_alike(run(imported(judge.state_dict()), x), features(judge, x, 6, 7))


def test_a_vit_without_class_token_is_timms() -> None:
    judge = create(
        "vit_tiny_patch16_224",
        depth=2,
        class_token=False,
        global_pool="avg",
        fc_norm=False,
        dynamic_img_size=True,
    )
    x = image(3, 4, 16)
    assert_alike(run(imported(judge.state_dict()), x), features(judge, x, 3, 4))
