"""A run that is asked to stop ends in order, and goes on later."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.test_loop import RECIPE, Planted
from training.__main__ import _guarded
from training.data.batch import Batch
from training.loop import train
from training.running.checkpoint import checkpoints_in
from training.running.stop_signals import Stopped


class Asked(Planted):
    """The process gets a signal while it reads the data of step 2."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __getitem__(self, step: int) -> list[Batch]:
        if step == 2:
            os.kill(os.getpid(), self.number)
        return super().__getitem__(step)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_step_is_finished_and_written_first(tmp_path: Path, number: int, code: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Stopped, match=r"after step 3 of 6, .*: the same command goes on") as caught:
        train(RECIPE, tmp_path / "stopped", Asked(number))
    assert caught.value.exit_code == code
    assert signal.getsignal(number) is before
    assert checkpoints_in(tmp_path / "stopped")[0].name == "checkpoint-00000003.safetensors"
    train(replace(RECIPE, num_steps=4), tmp_path / "stopped", Planted())
    lines = (tmp_path / "stopped" / "losses.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(4))


def test_the_command_ends_with_the_signals_code(capsys: pytest.CaptureFixture[str]) -> None:
    def stopped(arguments: list[str]) -> None:
        del arguments
        raise Stopped("stopped after step 3 of 6", signal_number=signal.SIGTERM)

    assert _guarded(stopped) == 143
    assert capsys.readouterr().err == "stopped after step 3 of 6\n"


def test_ctrl_c_before_the_first_step_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*args: object) -> None:
        del args
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("went on")

    def command(arguments: list[str]) -> None:
        del arguments
        train(RECIPE, tmp_path, Planted())

    monkeypatch.setattr("training.loop.Run", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a background job
    try:
        assert _guarded(command) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "stopped\n"
