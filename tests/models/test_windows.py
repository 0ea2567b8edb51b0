"""Windows: which cells are real, where they lie, and what two windows share."""

import torch

from models.config import LookupConfig, ModelConfig, VitConfig
from models.dense_model import DenseModel
from models.windows import Placement, Windows, pad_to_stride, whole_images


def place(valid: list[list[int]] | None) -> Placement:
    return Placement(
        origins=torch.tensor([[[0, 32], [64, 16]]]),
        canvas=torch.tensor([[128, 160]]),
        valid=None if valid is None else torch.tensor([valid]),
    )


def test_a_cell_is_inside_if_it_holds_any_real_pixel() -> None:
    inside = place([[17, 32], [1, 48]]).inside(16, 3, 3)
    assert inside is not None
    assert inside[0].int().tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    assert inside[1].int().tolist() == [[1, 1, 1], [0, 0, 0], [0, 0, 0]]


def test_without_padding_there_is_nothing_to_mask() -> None:
    assert place(None).inside(4, 8, 8) is None
    assert place(None).valid_cells(4) is None


def test_cells_know_their_place_on_the_canvas() -> None:
    row, col = place(None).cell_rows_cols(16, 1, 2)
    assert row.tolist() == [[0, 0, 4, 4]]
    assert col.tolist() == [[2, 3, 1, 2]]


def test_padding_to_the_stride_repeats_the_border() -> None:
    image = torch.arange(17, dtype=torch.uint8).reshape(1, 1, 17, 1).expand(1, 3, 17, 3)
    padded = pad_to_stride(image)
    assert padded.shape == (1, 16, 32, 3)
    assert torch.equal(padded[0, :, :17, 0], image[0, :1, :, 0].expand(16, 17))
    assert (padded[0, :, 17:] == 16).all()


def test_an_image_of_whole_strides_is_not_copied_differently() -> None:
    image = torch.randint(0, 256, (2, 32, 48, 3), dtype=torch.uint8)
    windows = whole_images(image, torch.tensor([[32, 48], [32, 48]]))
    assert torch.equal(windows.pixels[:, 0], image.permute(0, 3, 1, 2).float())


def pair_of_windows(second: torch.Tensor) -> Windows:
    torch.manual_seed(1)
    first = torch.rand(3, 32, 32)
    placement = Placement(
        origins=torch.tensor([[[0, 0], [64, 96]]]), canvas=torch.tensor([[128, 160]]), valid=None
    )
    return Windows(pixels=torch.stack([first, second])[None], placement=placement)


@torch.no_grad()
def test_convolutions_see_one_window_and_attention_sees_both() -> None:
    torch.manual_seed(0)
    config = LookupConfig(channels=(8, 16, 32), num_blocks=(1, 1, 1), num_heads=2)
    model = DenseModel(ModelConfig(name="x", backbone=config, neck_channels=16)).eval()
    dark, bright = torch.zeros(3, 32, 32), torch.ones(3, 32, 32)
    a = model.backbone(pair_of_windows(dark))
    b = model.backbone(pair_of_windows(bright))
    for stride in (4, 8):
        assert torch.equal(a[stride][0], b[stride][0]), "a convolution crossed to another window"
    assert not torch.equal(a[16][0], b[16][0]), "attention does not reach the other window"


@torch.no_grad()
def test_the_same_window_elsewhere_on_the_canvas_is_seen_elsewhere() -> None:
    torch.manual_seed(0)
    # Registers sit at the canvas corner: without them positions are relative alone.
    config = VitConfig(embed_dim=32, num_blocks=2, num_heads=2, num_register_tokens=0)
    model = DenseModel(ModelConfig(name="x", backbone=config, neck_channels=16)).eval()
    for parameter in model.parameters():
        if parameter.ndim > 1:  # sharp attention: fresh weights hardly look at positions
            torch.nn.init.normal_(parameter, std=0.4)
    windows = pair_of_windows(torch.rand(3, 32, 32))
    placement = windows.placement
    together = Placement(origins=placement.origins + 32, canvas=placement.canvas + 64, valid=None)
    near = Placement(origins=torch.tensor([[[0, 0], [0, 32]]]), canvas=placement.canvas, valid=None)
    expected = model.backbone(windows)[16]
    shifted = model.backbone(Windows(pixels=windows.pixels, placement=together))[16]
    moved = model.backbone(Windows(pixels=windows.pixels, placement=near))[16]
    # Rotary positions are relative: a common shift changes nothing, another distance does.
    torch.testing.assert_close(shifted, expected, rtol=1e-3, atol=1e-4)
    assert (moved - expected).abs().max() > 1e-2
