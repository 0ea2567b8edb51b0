"""ResFormer's positions: nothing at the start, the same at every resolution, and what they cost."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from models.backbones.resformer import GlobalPosition, ResformerBackbone, ResformerBlock
from models.backbones.vit import VitBlock
from models.config import ResformerConfig, VitConfig
from models.presets import PRESETS
from models.windows import Placement, Windows
from training.adapt.layer_decay import blocks_above
from training.recipe import OptimizerConfig
from training.running.optimizer import parameter_groups

CONFIG = ResformerConfig(embed_dim=32, num_blocks=1, num_heads=4, num_register_tokens=3)
WINDOWS, ROWS, COLS = 2, 3, 5


def place(
    origins: list[list[int]], canvas: tuple[int, int], valid: tuple[int, int] | None = None
) -> Placement:
    return Placement(
        origins=torch.tensor([origins]),
        canvas=torch.tensor([canvas]),
        valid=None if valid is None else torch.tensor([[valid] * len(origins)]),
    )


def tokens() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, 3 + WINDOWS * ROWS * COLS, 32, generator=generator)


def run(block: ResformerBlock, x: Tensor) -> Tensor:
    like = torch.zeros(WINDOWS, 32, ROWS, COLS)
    out: Tensor = block(x, like, None, None, torch.full((1, 1, 1, 1), 1.25))
    return out


@torch.no_grad()
def test_a_new_block_is_a_plain_one_to_the_bit() -> None:
    torch.manual_seed(0)
    block = ResformerBlock(CONFIG)
    plain = VitBlock(VitConfig(embed_dim=32, num_blocks=1, num_heads=4))
    found = plain.load_state_dict(block.state_dict(), strict=False)
    assert found.unexpected_keys == ["local_position.weight", "local_position.bias"]
    assert found.missing_keys == []
    x = tokens()
    assert torch.equal(run(block, x), plain(x, None, None, torch.full((1, 1, 1, 1), 1.25)))


@torch.no_grad()
def test_a_local_position_comes_from_the_neighbours_in_the_same_window() -> None:
    block = ResformerBlock(CONFIG)
    before = run(block, tokens())
    torch.nn.init.ones_(block.out.weight)
    without = run(block, tokens())
    block.local_position.weight.data[:, :, 0, 0] = 1.0  # each cell takes its upper left neighbour
    with_it = run(block, tokens())
    change = (with_it - without)[0].abs().amax(-1)
    cells = change[3:].reshape(WINDOWS, ROWS, COLS)
    assert not change[:3].any()  # registers have no neighbours
    assert not cells[:, 0].any()
    assert not cells[:, :, 0].any()
    assert bool((cells[:, 1:, 1:] > 0).all())
    assert not torch.equal(before, without)


def test_one_kernel_serves_all_heads() -> None:
    paper = PRESETS["resformer-s"].backbone
    assert isinstance(paper, ResformerConfig)
    block = ResformerBlock(paper)
    assert sum(p.numel() for p in block.local_position.parameters()) == 640
    shared = ResformerBlock(CONFIG).local_position
    torch.nn.init.normal_(shared.weight)
    v = torch.randn(1, 8, ROWS, COLS).repeat(1, 4, 1, 1)  # four heads with the same values
    heads = shared(v, None).unflatten(1, (4, 8))
    assert torch.equal(heads[:, 0], heads[:, 3])


def test_global_positions_are_shares_of_the_canvas_and_interleaved() -> None:
    position = GlobalPosition(8)
    torch.nn.init.zeros_(position.mix.weight)
    assert position.mix.bias is not None
    torch.nn.init.zeros_(position.mix.bias)
    position.mix.weight.data[:, :, 1, 1] = 1.0  # the waves themselves
    at = place([[16, 32]], (64, 128))
    found = position(at, torch.zeros(1, 8, 2, 3), None, None)[0, :, 1, 0]
    # Row 2 of 4, column 2 of 8: 3/4 and 3/8 of a turn; frequencies 1 and 1/100.
    y, x = torch.tensor(2 * torch.pi * 3 / 4), torch.tensor(2 * torch.pi * 3 / 8)
    expected = [f(angle * w) for angle in (y, x) for w in (1, 0.01) for f in (torch.sin, torch.cos)]
    torch.testing.assert_close(found, torch.stack(expected), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_the_same_place_has_the_same_position_at_every_resolution() -> None:
    torch.manual_seed(0)
    position = GlobalPosition(16)
    torch.nn.init.zeros_(position.mix.weight)
    position.mix.weight.data[:, :, 1, 1] = 1.0
    low = position(place([[0, 0]], (128, 256)), torch.zeros(1, 16, 8, 16), None, None)
    high = position(place([[0, 0]], (256, 512)), torch.zeros(1, 16, 16, 32), None, None)
    # The last of the two cells that a cell becomes ends where it ended.
    torch.testing.assert_close(high[:, :, 1::2, 1::2], low, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_window_has_the_positions_of_its_place() -> None:
    torch.manual_seed(0)
    position = GlobalPosition(16)
    canvas = (128, 256)
    whole = position(place([[0, 0]], canvas), torch.zeros(1, 16, 8, 16), None, None)
    at = place([[32, 64], [0, 160]], canvas)
    found = position(at, torch.zeros(2, 16, 4, 5), None, None)
    # A convolution of a window sees its border; inside, nothing tells it from the canvas.
    torch.testing.assert_close(found[0, :, 1:3, 1:4], whole[0, :, 3:5, 5:8])
    torch.testing.assert_close(found[1, :, 1:3, 1:4], whole[0, :, 1:3, 11:14])
    stretched = position(at, torch.zeros(2, 16, 4, 5), None, torch.tensor([2.0]))
    assert not torch.equal(stretched, found)


@pytest.mark.parametrize(("side", "grid"), [(224, 196), (160, 100), (128, 64)])
def test_the_counter_agrees_with_the_formula(side: int, grid: int) -> None:
    config = ResformerConfig(embed_dim=192, num_blocks=2, num_heads=3, num_register_tokens=0)
    macs = counted_macs(config, side)
    n, c = grid, 192
    blocks = 2 * (12 * n * c**2 + 2 * n**2 * c + 9 * n * c)
    expected = blocks + n * c * 3 * 16**2 + 9 * n * c  # patches and global positions
    assert macs == pytest.approx(expected, rel=0.01)


def test_three_resolutions_cost_1_84_times_the_tokens_of_one() -> None:
    config = ResformerConfig(embed_dim=64, num_blocks=1, num_heads=1, num_register_tokens=0)
    sides = (224, 160, 128)
    per_token = [counted_macs(config, s) - 2 * (s // 16) ** 4 * 64 for s in sides]
    assert sum(per_token) / per_token[0] == pytest.approx(1.84, abs=0.005)


@torch.no_grad()
def counted_macs(config: ResformerConfig, side: int) -> float:
    backbone = ResformerBackbone(config).eval()
    windows = Windows(
        pixels=torch.zeros(1, 1, 3, side, side), placement=place([[0, 0]], (side,) * 2)
    )
    # As matrix products: the counter does not know the CPU's fused attention.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        backbone(windows)
    return float(counter.get_total_flops()) / 2


def test_positions_and_registers_do_not_decay() -> None:
    backbone = ResformerBackbone(replace(CONFIG, num_blocks=2))
    groups = parameter_groups(backbone, OptimizerConfig(weight_decay=0.05))
    decaying = [name for group in groups if group.weight_decay for name in group.names]
    assert "blocks.1.qkv.weight" in decaying
    assert not any("position" in name or "registers" in name for name in decaying)


def test_what_comes_before_the_blocks_is_the_deepest() -> None:
    depths = blocks_above(ResformerBackbone(replace(CONFIG, num_blocks=2)))
    assert depths["global_position.mix.weight"] == depths["patch.weight"] == 3
    assert depths["blocks.0.local_position.weight"] == 2
    assert depths["norm.weight"] == 0
