"""A checkpoint holds everything, appears whole, and stands in for a damaged one."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from models.config import ModelConfig
from models.presets import PRESETS
from models.weights import read_weights, save_weights
from training.recipe import OptimizerConfig
from training.running.checkpoint import (
    Checkpoint,
    CheckpointError,
    checkpoints_in,
    collect,
    read_newest,
    restore,
    write_checkpoint,
)
from training.running.optimizer import Average, make_optimizer

CONFIG: ModelConfig = PRESETS["lookup-t"]
OPTIMIZER = OptimizerConfig(learning_rate=0.1, weight_decay=0.1)


def trained(num_steps: int) -> tuple[nn.Module, Average, torch.optim.AdamW]:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    average = Average(model, decay=0.9)
    optimizer = make_optimizer(model, OPTIMIZER)
    for step in range(num_steps):
        advance(model, average, optimizer, step)
    return model, average, optimizer


def advance(model: nn.Module, average: Average, optimizer: torch.optim.AdamW, step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    model(torch.randn(4, 3, generator=generator)).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    average.update(model, step)


def written(folder: Path, *steps: int) -> None:
    for step in steps:
        model, average, optimizer = trained(step)
        state = collect(model=model, average=average, optimizer=optimizer)
        write_checkpoint(folder, CONFIG, Checkpoint(step=step, state=state))


def silent(line: str) -> None:
    raise AssertionError(line)


def test_everything_comes_back(tmp_path: Path) -> None:
    written(tmp_path, 3)
    found = read_newest(tmp_path, silent)
    assert found is not None
    assert found.step == 3
    model, average, optimizer = trained(0)
    restore(found, model=model, average=average, optimizer=optimizer)
    expected = trained(5)
    for step in (3, 4):
        advance(model, average, optimizer, step)
    for (name, a), (_, b) in zip(
        model.named_parameters(), expected[0].named_parameters(), strict=True
    ):
        assert torch.equal(a, b), name
        assert torch.equal(average.state[name], expected[1].state[name]), name


def test_what_is_collected_does_not_change_with_the_run() -> None:
    model, average, optimizer = trained(2)
    state = collect(model=model, average=average, optimizer=optimizer)
    before = {name: x.clone() for name, x in state.items()}
    advance(model, average, optimizer, 2)
    for name, x in state.items():
        assert torch.equal(x, before[name]), name
    assert collect(model=model, average=average, optimizer=optimizer, keep=False) == {}


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    written(tmp_path, 1, 2, 10)
    assert [path.name for path in checkpoints_in(tmp_path)] == [
        "checkpoint-00000010.safetensors",
        "checkpoint-00000002.safetensors",
    ]


@pytest.mark.parametrize("damage", ["cut", "emptied", "one bit"])
def test_a_damaged_file_is_named_and_the_one_before_it_is_taken(
    tmp_path: Path, damage: str
) -> None:
    written(tmp_path, 1, 2)
    newest = checkpoints_in(tmp_path)[0]
    content = bytearray(newest.read_bytes())
    if damage == "one bit":
        content[-3] ^= 1
    newest.write_bytes(content[: {"cut": len(content) // 2, "emptied": 0}.get(damage)])
    lines: list[str] = []
    found = read_newest(tmp_path, lines.append)
    assert found is not None
    assert found.step == 1
    assert len(lines) == 1
    assert "checkpoint-00000002.safetensors" in lines[0]
    assert lines[0].endswith("going back to the checkpoint before it")


def test_without_a_readable_file_nothing_starts_anew(tmp_path: Path) -> None:
    assert read_newest(tmp_path, silent) is None
    written(tmp_path, 1, 2)
    for path in checkpoints_in(tmp_path):
        path.write_bytes(b"")
    lines: list[str] = []
    with pytest.raises(CheckpointError, match=r"none of checkpoint-0+2.*, checkpoint-0+1.* can be"):
        read_newest(tmp_path, lines.append)
    assert len(lines) == 2


def in_first_format(folder: Path, step: int) -> dict[str, Tensor]:
    """As this project wrote them before they had a number, a format and a digest."""
    model, average, optimizer = trained(step)
    state = collect(model=model, average=average, optimizer=optimizer)
    save_weights(folder / "checkpoint.safetensors", CONFIG, state, step=str(step))
    return state


def test_a_file_of_the_first_format_goes_on_and_says_what_differs(tmp_path: Path) -> None:
    state = in_first_format(tmp_path, 4)
    lines: list[str] = []
    found = read_newest(tmp_path, lines.append)
    assert found is not None
    assert found.step == 4
    assert found.state.keys() == state.keys()
    assert len(lines) == 1
    assert "format 1: weights, average and moments go on exactly, but" in lines[0]
    written(tmp_path, 5)
    newest = read_newest(tmp_path, silent)
    assert newest is not None
    assert newest.step == 5
    written(tmp_path, 6)
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_a_file_of_a_later_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint-00000009.safetensors"
    save_file({"x": torch.zeros(1)}, path, metadata={"format": "3", "step": "9"})
    with pytest.raises(CheckpointError, match="of format 3, this version of anyres reads up to 2"):
        read_newest(tmp_path, silent)


def test_another_models_checkpoint_changes_nothing() -> None:
    model, average, optimizer = trained(1)
    state = collect(model=model, average=average, optimizer=optimizer)
    other = nn.Linear(3, 4)
    before = other.weight.detach().clone()
    with pytest.raises(CheckpointError, match=r"bias is \(2,\), expected \(4,\): it belongs to"):
        restore(
            Checkpoint(step=1, state=state),
            model=other,
            average=Average(other, decay=0.9),
            optimizer=make_optimizer(other, OPTIMIZER),
        )
    assert torch.equal(other.weight, before)


def test_the_header_says_what_it_is(tmp_path: Path) -> None:
    written(tmp_path, 7)
    header, _ = read_weights(checkpoints_in(tmp_path)[0])
    assert (header["format"], header["step"], len(header["sha256"])) == ("2", "7", 64)
