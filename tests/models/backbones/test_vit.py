"""Every form of the ViT is blind to padding and knows where its windows are."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.backbones.vit import VitBackbone
from models.config import VitConfig
from models.windows import Placement, Windows
from tests.tiny_models import PUBLISHED

FORMS: dict[str, VitConfig] = {
    "ours": VitConfig(embed_dim=32, num_blocks=2, num_heads=2),
    **PUBLISHED,
}
sizes = st.tuples(st.integers(1, 75), st.integers(1, 75))


def wild(config: VitConfig) -> VitBackbone:
    torch.manual_seed(0)
    backbone = VitBackbone(config).eval()
    for parameter in backbone.parameters():
        torch.nn.init.normal_(parameter, std=0.3 if parameter.ndim < 2 else 0.1)
    return backbone


BACKBONES = {name: wild(config) for name, config in FORMS.items()}


def batch(images: list[Tensor], rows: int, cols: int) -> Windows:
    """Images [3, h, w] in one batch of rows x cols cells, NaN around them."""
    pixels = torch.full((len(images), 1, 3, rows * 16, cols * 16), torch.nan)
    for index, image in enumerate(images):
        pixels[index, 0, :, : image.shape[1], : image.shape[2]] = image
    size = torch.tensor([image.shape[1:] for image in images])
    origins = torch.zeros(len(images), 1, 2, dtype=torch.long)
    placement = Placement(origins=origins, canvas=size, valid=size[:, None])
    return Windows(pixels=pixels, placement=placement)


def cells(size: tuple[int, int]) -> tuple[int, int]:
    return (size[0] + 15) // 16, (size[1] + 15) // 16


@pytest.mark.parametrize("form", sorted(FORMS))
@settings(max_examples=8)
@given(size=sizes, mate=sizes, below=st.integers(0, 3), right=st.integers(0, 3))
@torch.no_grad()
def test_neither_padding_nor_mates_matter(
    form: str, size: tuple[int, int], mate: tuple[int, int], below: int, right: int
) -> None:
    generator = torch.Generator().manual_seed(size[0] * 1000 + size[1])
    image = torch.randn(3, *size, generator=generator)
    other = torch.randn(3, *mate, generator=generator)
    rows, cols = cells(size)
    other_rows, other_cols = cells(mate)
    windows = batch([image, other], max(rows, other_rows) + below, max(cols, other_cols) + right)
    together = BACKBONES[form](windows)[16][:1, :, :rows, :cols]
    alone = BACKBONES[form](batch([image], rows, cols))[16]
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("form", sorted(FORMS))
@torch.no_grad()
def test_all_windows_of_a_canvas_see_what_the_whole_image_sees(form: str) -> None:
    image = torch.randn(1, 1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    canvas = torch.tensor([[64, 96]])
    whole = Placement(origins=torch.zeros(1, 1, 2, dtype=torch.long), canvas=canvas, valid=None)
    expected = BACKBONES[form](Windows(pixels=image, placement=whole))[16]
    origins = torch.tensor([[[y, x] for y in (0, 32) for x in (0, 32, 64)]])
    parts = torch.stack([image[0, 0, :, y : y + 32, x : x + 32] for y, x in origins[0]])[None]
    place = Placement(origins=origins, canvas=canvas, valid=None)
    found = BACKBONES[form](Windows(pixels=parts, placement=place))[16]
    for part, (y, x) in zip(found, (origins[0] // 16).tolist(), strict=True):
        torch.testing.assert_close(part, expected[0, :, y : y + 2, x : x + 2], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"table"}))
@torch.no_grad()
def test_stretched_positions_change_what_is_seen(form: str) -> None:
    windows = batch([torch.randn(3, 48, 64, generator=torch.Generator().manual_seed(0))], 3, 4)
    usual = BACKBONES[form](windows, position_scale=torch.ones(1))[16]
    torch.testing.assert_close(usual, BACKBONES[form](windows)[16])
    stretched = BACKBONES[form](windows, position_scale=torch.full((1,), 2.0))[16]
    assert (stretched - usual).abs().max() > 1e-4


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_parameter_learns(form: str, dtype: torch.dtype) -> None:
    backbone = wild(FORMS[form])
    windows = batch([torch.randn(3, 40, 64, generator=torch.Generator().manual_seed(0))], 3, 4)
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        found = backbone(windows)[16]
    found.float().square().sum().backward()
    for name, parameter in backbone.named_parameters():
        gradient = parameter.grad
        assert gradient is not None, name
        assert gradient.isfinite().all(), name
        assert gradient.abs().max() > 0, name


def test_fields_for_published_weights_leave_our_own_parameters_alone() -> None:
    names = set(VitBackbone(FORMS["ours"]).state_dict())
    assert names == {
        *("patch.weight", "patch.bias", "registers", "norm.weight", "norm.bias"),
        *(
            f"blocks.{i}.{layer}.{kind}"
            for i in range(2)
            for layer in ("norm_attention", "qkv", "out", "norm_mlp", "mlp_in", "mlp_out")
            for kind in ("weight", "bias")
        ),
    }
    without = set(VitBackbone(replace(FORMS["table"], layer_scale=False)).state_dict())
    assert without == names | {"table.table"}
