"""Killed at any moment, a run goes on as if it had not been."""

import os
import signal
import time
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import torch

from tests.training import fleet
from tests.training.fleet import RECIPE
from tests.training.running.test_distributed import curve, weights

# In the order of a step: log to disk, checkpoint to disk, renamed, folder to disk, an older one
# removed, then the averaged weights likewise. The first two of a process are recipe and log.
MOMENTS = (4, 5, 6, 13)


def assert_equal_runs(found: Path, expected: Path) -> None:
    assert curve(found) == curve(expected)
    for name, value in weights(expected).items():
        assert torch.equal(weights(found)[name], value), name


def kill_at_random(process: BaseProcess, folder: Path, rng: np.random.Generator) -> None:
    """At some moment between its first logged step and a good part of a step later."""
    log = folder / "losses.jsonl"
    before = log.stat().st_size if log.is_file() else 0
    while process.is_alive() and (not log.is_file() or log.stat().st_size <= before):
        time.sleep(0.002)
    time.sleep(rng.uniform(0, 0.1))
    process.kill()


def test_a_run_that_is_killed_again_and_again_is_the_one_that_was_not(tmp_path: Path) -> None:
    assert fleet.run(tmp_path / "straight") == [0]
    rng = np.random.default_rng(int.from_bytes(os.urandom(4)))
    killed = tmp_path / "killed"
    for moment in MOMENTS:
        codes = fleet.run(killed, killed_at=moment)
        assert codes in ([-signal.SIGKILL], [0]), fleet.said(killed)
    for _ in range(2):
        processes = fleet.start(killed)
        kill_at_random(processes[0], killed, rng)
        assert fleet.wait(processes) in ([-signal.SIGKILL], [0]), fleet.said(killed)
    assert fleet.run(killed) == [0]
    assert_equal_runs(killed, tmp_path / "straight")
    assert not list(killed.glob("*.partial"))


def test_one_of_two_processes_is_killed_and_the_other_ends(tmp_path: Path) -> None:
    recipe = replace(RECIPE, num_steps=4)
    assert fleet.run(tmp_path / "straight", recipe, world_size=2) == [0, 0]
    rng = np.random.default_rng(int.from_bytes(os.urandom(4)))
    killed = tmp_path / "killed"
    processes = fleet.start(killed, recipe, world_size=2)
    victim = int(rng.integers(2))
    kill_at_random(processes[victim], killed, rng)
    codes = fleet.wait(processes)
    if codes != [0, 0]:  # it may have been done already
        assert codes[victim] == -signal.SIGKILL
        assert codes[1 - victim] == 1
        assert "no longer hears the others" in fleet.said(killed, 1 - victim)
    assert fleet.run(killed, recipe, world_size=2) == [0, 0]
    assert_equal_runs(killed, tmp_path / "straight")
