import json
from pathlib import Path

import numpy as np
import pytest

from training.running.run_folder import log_line
from training.running.run_log import RunLogError, read_run_log, smooth


def test_a_log_is_read_by_name_and_gaps_are_nan(tmp_path: Path) -> None:
    lines = [
        {"step": 3, "step_s": 2.0, "learning_rate": 0.1, "flow": 4.0, "gradient_norm_0": None},
        {"step": 4, "step_s": 1.0, "learning_rate": 0.2, "flow": None, "depth": 1.0},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "losses.jsonl").write_text(text + '{"step": 5, "fl')  # being written
    log = read_run_log(tmp_path)
    assert log.steps.tolist() == [3, 4]
    assert list(log.losses) == ["flow", "depth"]
    np.testing.assert_equal(log.values["flow"], [4.0, np.nan])
    np.testing.assert_equal(log.values["depth"], [np.nan, 1.0])
    assert log.recipe == {}


def test_small_values_keep_their_digits_and_the_infinite_are_null() -> None:
    line = log_line(7, {"learning_rate": 1.23456789e-7, "step_s": 1234.56789, "flow": float("nan")})
    assert json.loads(line) == {
        "step": 7,
        "learning_rate": 1.23456789e-7,
        "step_s": 1234.56789,
        "flow": None,
    }


def test_a_value_that_comes_and_goes_stays_beside_its_steps(tmp_path: Path) -> None:
    lines = [{"step": 0}, {"step": 1, "flow": 2.0}, {"depth": 5.0, "step": 2}]
    (tmp_path / "losses.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    log = read_run_log(tmp_path)
    assert log.steps.tolist() == [0, 1, 2]
    np.testing.assert_equal(log.values["flow"], [np.nan, 2.0, np.nan])
    np.testing.assert_equal(log.values["depth"], [np.nan, np.nan, 5.0])


def test_an_empty_folder_has_an_empty_log(tmp_path: Path) -> None:
    log = read_run_log(tmp_path)
    assert (log.steps.size, log.values) == (0, {})


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "losses.jsonl").write_text("[1, 2]\n")
    with pytest.raises(RunLogError, match="as training writes them"):
        read_run_log(tmp_path)


def test_smoothing_by_hand() -> None:
    memory = 1 / np.log(2)  # each step back counts half
    found = smooth(np.array([np.nan, 4.0, 1.0, np.nan, 5.0]), memory_steps=memory)
    # 4; (2 + 1) / 1.5; the same; (0.5 + 0.25 + 5) / (0.25 + 0.125... in eighths: 4/8 + 1/4 + 5
    expected = [np.nan, 4.0, 2.0, 2.0, (4 / 8 + 1 / 4 + 5) / (1 / 8 + 1 / 4 + 1)]
    np.testing.assert_allclose(found, expected)
    assert smooth(np.full(9, 7.0), memory_steps=3.0) == pytest.approx(np.full(9, 7.0))
