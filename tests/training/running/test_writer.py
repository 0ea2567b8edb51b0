"""What goes wrong beside a run is raised in it."""

import threading
from pathlib import Path

import pytest

from tests.training.test_loop import RECIPE, Planted
from training.loop import train
from training.running.writer import Writer


def broken() -> None:
    raise OSError("no space left on device")


def test_jobs_run_in_order_beside_the_caller_and_the_end_waits_for_them() -> None:
    done: list[str] = []
    gate = threading.Event()

    def slow() -> None:
        gate.wait()
        done.append("first")

    with Writer() as writer:
        writer.start(slow)
        writer.check()
        assert done == []  # the caller went on
        gate.set()
        writer.start(lambda: done.append("second"))
        assert done[0] == "first"  # the next one waited
    assert done == ["first", "second"]


def test_an_error_surfaces_at_the_next_call_and_at_the_end() -> None:
    writer = Writer()
    writer.start(broken)
    with pytest.raises(OSError, match="no space left"):
        writer.start(broken)
    writer.start(broken)
    with pytest.raises(OSError, match="no space left"):
        writer.wait()
    with pytest.raises(OSError, match="no space left"), writer:
        writer.start(broken)


def test_a_checkpoint_that_cannot_be_written_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.running.run.write_checkpoint", lambda *_: broken())
    with pytest.raises(OSError, match="no space left"):
        train(RECIPE, tmp_path, Planted())
