"""`python -m server bench` against a real port."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from server.bench_command import BenchCommand
from server.errors import ServerError, Unusable
from server.service import Service
from tests.server.serving import config_for, listening

QUICK = (
    "--sizes",
    "20x30,8x8..9x9",
    "--deck",
    "6",
    "--cold-s",
    "60",
    "--warm-up-s",
    "0",
    "--duration-s",
    "0.5",
)


def measure(*arguments: str) -> dict[str, Any]:
    """The report of one command."""
    (text,) = BenchCommand.from_arguments([*arguments, *QUICK, "--json"]).run()
    report: dict[str, Any] = json.loads(text)
    return report


def test_a_closed_and_an_open_loop_on_a_server_that_runs(folder: Path) -> None:
    with listening(Service(config_for(folder))) as port:
        url = f"http://127.0.0.1:{port}/"
        closed = measure("--url", url, "--clients", "2", "--answers", "npz", "--pairs", "0.5")
        opened = measure("--url", url, "--loop", "open", "--rate", "20", "--formats", "png")
    for report in (closed, opened):
        (run,) = report["runs"]
        figures = run["figures"]
        assert set(figures["counts"]) == {"200"}
        assert figures["counts"]["200"] == figures["num_requests"] > 0
        assert figures["stages_s"]["infer"] > 0
        assert sum(count for _, _, count in figures["bars"]) == figures["num_requests"]
        assert {tuple(cold["size"]) for cold in report["cold"]} >= {(20, 30)}


def test_a_search_for_goodput_ends_at_the_most_it_may_ask_for(folder: Path) -> None:
    with listening(Service(config_for(folder))) as port:
        url = f"http://127.0.0.1:{port}"
        goodput = ("--loop", "goodput", "--p99-ms", "60000", "--max-rate", "4")
        report = measure("--url", url, *goodput)
    assert report["goodput_per_s"] == 4
    assert report["target_p99_s"] == 60


def test_a_server_of_its_own_is_started_and_stopped(folder: Path) -> None:
    own = ["--bundle", str(folder), "--engine", "onnxruntime", "--threads", "1"]
    lines = BenchCommand.from_arguments([*own, *QUICK, "--clients", "1"]).run()
    text = "\n".join(lines)
    assert "closed loop, 1 clients" in text
    assert "cold shapes" in text
    assert "% of infer" in text


def test_a_bundle_that_is_not_there_is_told_in_the_servers_words(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=r"ended with code 1; it said:\n.*error:"):
        BenchCommand.from_arguments(["--bundle", str(tmp_path), *QUICK]).run()


def test_streams_in_an_open_loop_are_refused() -> None:
    with pytest.raises(Unusable, match="measure them with --loop closed"):
        BenchCommand.from_arguments(["--surface", "stream", "--loop", "open"]).run()


def test_a_format_that_is_not_known_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValidationError, match="'jpeg', 'png' or 'webp'"):
        BenchCommand.from_arguments(["--formats", "gif"])
