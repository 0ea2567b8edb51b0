"""What is done to a model's blocks changes its cost, not its answers."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from models.config import ModelConfig
from models.dense_model import DenseModel
from models.spatial import LocalBlock
from tests.tiny_models import TINY, wild
from tests.training.test_step import CLASS_WEIGHTS, pairs
from training.recipe import LossWeights
from training.running.blocks import blocks_of, compile_blocks, recompute
from training.step import Chance, losses

# The compiler's own imports and probes warn (torch 2.13); an error there ends the compilation.
COMPILER_WARNS = pytest.mark.filterwarnings("ignore")


def gradients(model: DenseModel) -> dict[str, Tensor]:
    found = losses(
        model, pairs(), weights=LossWeights(), class_weights=CLASS_WEIGHTS, chance=Chance()
    )
    torch.stack(list(found.values())).sum().backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def kept_bytes(model: DenseModel) -> int:
    """Of activations that wait for the backward pass, each storage once."""
    storages: dict[int, Tensor] = {}

    def pack(x: Tensor) -> Tensor:
        storages[x.untyped_storage().data_ptr()] = x
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        losses(model, pairs(), weights=LossWeights(), class_weights=CLASS_WEIGHTS, chance=Chance())
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    return sum(
        x.untyped_storage().nbytes() for address, x in storages.items() if address not in own
    )


def assert_same_gradients(config: ModelConfig, change: Callable[[nn.Module], None]) -> None:
    expected = gradients(wild(config).train())
    changed = wild(config).train()
    names = [name for name, _ in changed.named_parameters()]
    change(changed)
    assert [name for name, _ in changed.named_parameters()] == names
    found = gradients(changed)
    assert found.keys() == expected.keys()
    largest = max(float(x.abs().max()) for x in expected.values())
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-5 * largest, msg=name)


@pytest.mark.parametrize("family", sorted(TINY))
def test_recomputed_blocks_have_the_same_gradients_and_keep_less(family: str) -> None:
    assert_same_gradients(TINY[family], recompute)
    recomputed = wild(TINY[family]).train()
    recompute(recomputed)
    assert kept_bytes(recomputed) < 0.7 * kept_bytes(wild(TINY[family]).train())


class Stack(nn.Module):
    """Two blocks of one kind: one kernel."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.blocks = nn.ModuleList(LocalBlock(8, mlp_ratio=2) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x, None)
        return x


@pytest.mark.compile
@COMPILER_WARNS
def test_kernels_of_a_block_serve_every_size_and_can_be_recomputed() -> None:
    # Not a whole model: each kind of block takes a CPU ten seconds to compile.
    torch._dynamo.reset()
    plain, compiled, both = Stack(), Stack(), Stack()
    for stack in (compiled, both):
        compile_blocks(stack)
    recompute(both)
    for size in ((6, 10), (12, 8)):
        x = torch.randn(2, 8, *size)
        expected = plain(x)
        expected.square().sum().backward()
        for stack in (compiled, both):
            found = stack(x)
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
            found.square().sum().backward()
    for stack in (compiled, both):
        for (name, p), q in zip(plain.named_parameters(), stack.parameters(), strict=True):
            torch.testing.assert_close(q.grad, p.grad, rtol=1e-3, atol=1e-3, msg=name)


def test_blocks_hold_most_parameters_and_bare_layers_are_none() -> None:
    for config in TINY.values():
        model = DenseModel(config)
        blocks = blocks_of(model)
        assert any(isinstance(block, LocalBlock) for block in blocks)
        assert not any(isinstance(block, nn.Conv2d | nn.Linear | nn.LayerNorm) for block in blocks)
        inside = {id(p): p.numel() for block in blocks for p in block.parameters()}
        assert sum(inside.values()) > 0.4 * sum(p.numel() for p in model.parameters())
