"""What a run shows, computed by hand; in a log file it is lines."""

import io
import mmap

import pytest
import torch
from rich.console import Console

from training.running.memory import Memory, read_memory
from training.watching.progress import MEMORY_STEPS, Display, Pace, clock, describe

CPU = torch.device("cpu")


def test_a_steady_run_has_its_own_rate_from_the_first_step_on() -> None:
    pace = Pace()
    assert (pace.images_per_s, pace.step_s) == (0.0, 0.0)
    for _ in range(3):
        pace.add(images=12, took_s=1.5)
        assert pace.images_per_s == pytest.approx(8.0)
        assert pace.step_s == pytest.approx(1.5)


def test_newer_steps_count_more_by_hand() -> None:
    pace, fade = Pace(), 1 - 1 / MEMORY_STEPS
    pace.add(images=10, took_s=1.0)
    pace.add(images=10, took_s=4.0)
    assert pace.step_s == pytest.approx((1.0 * fade + 4.0) / (fade + 1))
    # Images over seconds, not a mean of rates: a slow step weighs by its time.
    assert pace.images_per_s == pytest.approx((10 * fade + 10) / (fade + 4))


def test_the_line_holds_rate_step_time_memory_and_losses_alone() -> None:
    pace = Pace()
    pace.add(images=16, took_s=2.0)
    memory = Memory(of="GPU", current_mib=512.4, peak_mib=2048.0)
    values = {"learning_rate": 6e-4, "depth": 0.25, "gradient_norm_0": 9.0, "flow": -1.5}
    assert describe(pace, memory, values) == (
        "8.0 images/s, 2.00 s/step, GPU 512 MiB, peak 2048, depth 0.250 flow -1.500"
    )


def test_memory_grows_with_what_is_held() -> None:
    before = read_memory(CPU)
    with mmap.mmap(-1, 64 * 2**20) as held:
        held.write(b"x" * len(held))
        after = read_memory(CPU)
    assert before.of == "resident"
    assert after.current_mib - before.current_mib > 60
    assert after.peak_mib >= after.current_mib


def shown(num_steps: int, start: int, *, terminal: bool) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=60, soft_wrap=not terminal)
    with Display("tiny", num_steps=num_steps, start=start, device=CPU, console=console) as display:
        for step in range(start, num_steps):
            display.step(step, {"flow": 1.0}, images=2, took_s=60.0)
    return stream.getvalue().splitlines()


def test_a_log_file_gets_the_first_line_the_last_and_some_between() -> None:
    lines = shown(1000, 503, terminal=False)
    done = [int(line.split()[1].split("/")[0]) for line in lines]
    assert done == [504, *range(505, 1001, 5)]
    assert lines[0].startswith("tiny 504/1000 (50%), left 8:16:00, 0.0 images/s, 60.00 s/step, res")
    assert lines[-1].startswith("tiny 1000/1000 (100%), left 0:00, ")
    assert not any("\x1b" in line for line in lines)


def test_a_long_run_is_never_silent_for_more_than_a_hundred_steps() -> None:
    lines = shown(1_000_000, 999_500, terminal=False)
    assert len(lines) == 1 + 5


def test_a_terminal_gets_a_bar_that_is_drawn_anew() -> None:
    text = "\n".join(shown(4, 0, terminal=True))
    assert "\x1b[" in text
    assert "4/4" in text
    assert "left 0:00" in text


def test_durations_are_read_as_people_do() -> None:
    assert [clock(s) for s in (0.0, 61.0, 3600.0, 86400.0 + 3661)] == [
        "0:00",
        "1:01",
        "1:00:00",
        "1 d 1:01:01",
    ]
