"""Methods train for a time, each in a process of its own, and are not trained twice."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.weights import load_weights
from tests.training.studies.planted_method import METHOD, RECIPE, Fails
from training.running.memory import read_memory
from training.schedule import rate_factor
from training.studies.compare import StudyError, claim, compare, save_outcomes
from training.studies.fit import fit, follow_clock
from training.studies.method import Budget

BUDGET = Budget(seconds=0.6, warmup_steps=1, num_points=2, num_workers=0)


def test_a_method_trains_until_its_time_is_over_and_keeps_weights_at_every_point(
    tmp_path: Path,
) -> None:
    lines: list[str] = []
    found = fit(METHOD, BUDGET, tmp_path, report=lines.append)
    assert len(lines) == 2
    assert [name for _, name in found.points] == ["weights-1.safetensors", "weights-2.safetensors"]
    first_s, last_s = (at_s for at_s, _ in found.points)
    assert 0.3 <= first_s < last_s
    assert found.trained_s == last_s >= 0.6
    assert found.num_steps >= 2
    assert 0 < found.step_s < 0.6
    assert found.peak_mib >= found.idle_mib > 0
    assert load_weights(tmp_path / "weights-2.safetensors").config == RECIPE.model


def test_what_is_trained_is_not_trained_again(tmp_path: Path) -> None:
    first = fit(METHOD, BUDGET, tmp_path, report=lambda _: None)
    assert fit(METHOD, replace(BUDGET, seconds=1e9), tmp_path, report=lambda _: None) == first


@pytest.mark.parametrize("seconds_per_step", [0.1, 0.5])
def test_the_rate_follows_the_clock_whatever_a_step_takes(seconds_per_step: float) -> None:
    def rate(share: float) -> float:
        step = round(100 * share / seconds_per_step)
        recipe = follow_clock(RECIPE, step, share=share)
        warmup = recipe.optimizer.warmup_steps
        length = recipe.num_steps
        return rate_factor(step, num_steps=length, warmup_steps=warmup, shape="cosine")

    assert rate(0.02) < 1  # rises over the first twentieth
    assert rate(0.06) == pytest.approx(1.0, abs=0.02)
    assert rate(0.525) == pytest.approx(0.5, abs=0.03)  # half-way between 0.05 and 1
    assert rate(0.98) < 0.01


def test_every_method_has_a_process_of_its_own_and_finished_ones_are_left_alone(
    tmp_path: Path,
) -> None:
    lines: list[str] = []
    outcomes = compare([METHOD], BUDGET, tmp_path, report=lines.append)
    (outcome,) = outcomes
    assert [scores["final"] for scores in outcome.scores] == [0.0, 1.0]
    assert outcome.final["accuracy"] > 0.05
    stamp = (tmp_path / "planted" / "scores.json").stat().st_mtime_ns
    assert compare([METHOD], BUDGET, tmp_path, report=lines.append) == outcomes
    assert (tmp_path / "planted" / "scores.json").stat().st_mtime_ns == stamp
    assert "finished before" in lines[-1]
    save_outcomes(tmp_path / "all.json", outcomes, task="planted")
    saved = json.loads((tmp_path / "all.json").read_text())
    assert saved["task"] == "planted"
    assert saved["methods"][0]["scores"][1]["final"] == 1.0


def test_a_method_that_fails_stops_the_study_but_keeps_its_training(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="method planted failed with exit code 1"):
        compare([replace(METHOD, score=Fails())], BUDGET, tmp_path, report=lambda _: None)
    assert (tmp_path / "planted" / "fit.json").is_file()
    assert not (tmp_path / "planted" / "scores.json").exists()


def test_results_of_other_settings_are_not_mixed(tmp_path: Path) -> None:
    claim(tmp_path, {"budget_s": 10, "canvas": (720, 960)})
    claim(tmp_path, {"budget_s": 10, "canvas": (720, 960)})
    with pytest.raises(StudyError, match="other values of budget_s, task: give"):
        claim(tmp_path, {"budget_s": 20, "canvas": (720, 960), "task": "flow"})
    assert json.loads((tmp_path / "settings.json").read_text())["budget_s"] == 10


def test_the_peak_holds_what_was_taken_and_given_back() -> None:
    cpu = torch.device("cpu")
    before = read_memory(cpu).current_mib
    block = bytearray(200 * 2**20)
    block[:: 2**12] = b"x" * len(block[:: 2**12])  # a page is resident once it is touched
    del block
    assert read_memory(cpu).peak_mib >= before + 190
