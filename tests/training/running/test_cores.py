"""A run takes the cores that it was given, before OpenMP binds it to one."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os
from training.running import cores
import torch
torch.ones(8).sum()
own = os.sched_getaffinity(0)
cores.take_all_cores()
print(cores.NUM_CORES, len(own), sorted(os.sched_getaffinity(0)))
"""

needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs two cores of its own, and a system that can divide them",
)


def said(cores: set[int], **environment: str) -> list[str]:
    """What the program prints in a process that was given these cores."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": ".", **environment},
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip().split(maxsplit=2)


@needs_affinity
def test_cores_that_others_were_given_are_not_taken() -> None:
    last = max(os.sched_getaffinity(0))
    assert said({last}) == ["1", "1", f"[{last}]"]


@needs_affinity
def test_a_worker_of_a_bound_process_gets_all_of_its_cores() -> None:
    some = set(sorted(os.sched_getaffinity(0))[:2])
    num_cores, own, found = said(some, OMP_PROC_BIND="true", OMP_PLACES="cores")
    assert own == "1"  # what OpenMP left the process
    assert int(num_cores) <= 2  # a container's quota may say less
    assert found == str(sorted(some))
