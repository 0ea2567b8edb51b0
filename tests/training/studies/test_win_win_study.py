"""The study refuses what it cannot compare, says what its numbers bear, and runs to its end."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from models.task import CLASS_NAMES, Task
from training.class_count import count_classes
from training.data.root import data_root
from training.studies import canvases as canvases_module
from training.studies.canvases import RenderedCanvases
from training.studies.commands import run_study
from training.studies.compare import Outcome, StudyError, claim
from training.studies.fit import Fit
from training.studies.held_out import ACCURACY
from training.studies.presets import FAMILIES, study_model
from training.studies.win_win import WinWin
from training.studies.win_win_report import as_markdown, draw, loss_of, verdicts

needs_camvid = pytest.mark.skipif(
    not (data_root() / "camvid").is_dir(), reason=f"CamVid is not at {data_root() / 'camvid'}"
)


@pytest.mark.parametrize(
    ("study", "message"),
    [
        (WinWin(ways=("full", "three")), "--ways three, expected some of full, two, four, crop"),
        (WinWin(families=("resnet",)), "--families resnet, expected some of vit, lookup"),
        (WinWin(ways=()), "--ways without a name, expected some of full"),
        (WinWin(canvas=(720, 970)), "--canvas 720 970, .* the nearest are 720 976"),
        (WinWin(share=0.9), "--share 0.9, expected more than 0 and at most 0.5"),
        (WinWin(budget_s=0.0), "--budget-s 0 and --points 4, expected both positive"),
    ],
)
def test_what_cannot_be_compared_is_refused(study: WinWin, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        study.check()


def test_an_unknown_study_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"lose-lose came, expected a study: .*win-win"):
        run_study(["lose-lose"])
    with pytest.raises(ValueError, match="nothing came, expected a study"):
        run_study([])


def test_help_does_not_wait_for_torch() -> None:
    code = (
        "import sys\n"
        "from training.__main__ import main\n"
        "try:\n    main(['study', 'win-win', '--help'])\n"
        "except SystemExit:\n    print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--budget-s" in done.stdout
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_of_a_study_has_the_heads_of_its_task_alone(family: str) -> None:
    config = study_model(family, "small", (Task.DEPTH,))  # type: ignore[arg-type]
    assert config.tasks == (Task.DEPTH,)


def outcome(name: str, *, step_s: float, miou: float, tiles: float | None = None) -> Outcome:
    fit = Fit(
        num_steps=10,
        trained_s=20.0,
        step_s=step_s,
        wait_s=0.01,
        peak_mib=900.4,
        idle_mib=250.0,
        points=((10.0, "weights-1.safetensors"), (20.0, "weights-2.safetensors")),
    )
    final = {"miou": miou, "miou_tiled": miou if tiles is None else tiles}
    return Outcome(name=name, fit=fit, scores=({"miou": miou / 2}, final))


OUTCOMES = [
    outcome("vit-full", step_s=2.0, miou=0.500),
    outcome("vit-two", step_s=0.4, miou=0.496),
    outcome("vit-crop", step_s=0.3, miou=0.450, tiles=0.480),
    outcome("lookup-full", step_s=1.0, miou=0.6),
    outcome("lookup-two", step_s=0.3, miou=0.59),
]


def test_verdicts_follow_from_the_numbers() -> None:
    found = verdicts(WinWin(), "vit", OUTCOMES)
    assert [verdict.holds for verdict in found] == [True, True, True]  # 5 times, -0.8 %, -9.3 %
    assert "5.0 times" in found[0].line()
    assert "0.450 whole, 0.480 from tiles, against 0.496" in found[2].line()
    found = verdicts(WinWin(), "lookup", OUTCOMES)
    assert [verdict.holds for verdict in found] == [False, False]  # 3.3 times, -1.7 %
    assert verdicts(WinWin(), "vit", OUTCOMES[:1]) == []


def test_the_share_that_is_lost_counts_errors_the_other_way_round() -> None:
    assert loss_of(0.45, 0.5, ACCURACY[Task.SEGMENTATION]) == pytest.approx(0.1)
    assert loss_of(2.2, 2.0, ACCURACY[Task.FLOW]) == pytest.approx(0.1)
    assert loss_of(1.8, 2.0, ACCURACY[Task.FLOW]) == pytest.approx(-0.1)


def test_the_table_holds_every_method_and_how_tokens_are_kept(tmp_path: Path) -> None:
    text = as_markdown(WinWin(), OUTCOMES)
    lines = {line.split(" | ")[0]: line for line in text.splitlines() if line.startswith("| ")}
    row = [cell.strip(" |") for cell in lines["| one crop"].split(" | ")]
    assert row == [
        "one crop", "12.0 %", "0.3", "6.67", "0.01", "900", "250", "10", "0.45", "0.48"
    ]  # fmt: skip
    assert "338 patches of 16 px" in text
    assert "84 windows of 2x2 cells" in text
    draw([tmp_path / "plot.svg"], WinWin(), OUTCOMES)
    plot = (tmp_path / "plot.svg").read_text()
    for word in ("vit (small)", "lookup (small)", "two windows, 0.4 s per step"):
        assert f"<!-- {word} -->" in plot


def test_held_out_scenes_are_others_and_everything_is_rendered_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canvases_module, "POOLS", tmp_path)
    made = RenderedCanvases((48, 64), Task.FLOW, num_train=2, num_test=1)
    trained, held_out = made.item(0), made.test(0)
    assert trained.next_image is not None
    assert trained.flow is not None
    assert trained.flow.shape == (48, 64, 2)
    assert trained.labels is None
    assert trained.name == "layered-0"
    assert held_out.name == "layered-10000000"
    assert (trained.image != held_out.image).any()
    assert len(list(tmp_path.rglob("*.npz"))) == 2


@needs_camvid
def test_rare_classes_count_more_as_where_recipes_train() -> None:
    study = replace(WinWin().shortened(), families=("vit",), ways=("full", "two"))
    methods = study.methods(lambda _: None)
    shares = [method.recipe.weights.class_share for method in methods]
    assert shares == [count_classes(("camvid:train",), CLASS_NAMES)] * 2


def test_results_with_other_class_weights_do_not_compare(tmp_path: Path) -> None:
    now, before = WinWin().settings(), WinWin().settings()
    del before["class_weights"]
    claim(tmp_path, before)
    with pytest.raises(StudyError, match="other values of class_weights"):
        claim(tmp_path, now)
    assert "class_weights" not in WinWin(task="depth").settings()


def test_the_study_runs_to_its_end_and_goes_on_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # what is rendered lies in runs/pools there

    study = WinWin(
        task="depth",
        families=("vit",),
        ways=("two",),
        budget_s=0.5,
        device="cpu",
        quick=True,
        out=tmp_path / "out",
    )
    folder = tmp_path / "out"
    study.run()
    assert "two windows" in capsys.readouterr().out
    table = (folder / "table.md").read_text()
    assert "depth delta1, one pass" in table
    for name in ("plot.svg", "plot.png"):
        assert (folder / name).stat().st_size > 1000
    results = json.loads((folder / "results.json").read_text())
    assert results["machine"]["cores"] >= 1
    assert results["settings"]["preset"] == "tiny"
    final = results["methods"][0]["scores"][-1]
    assert 0 <= final["delta1"] <= 1
    assert "delta1_tiled" in final
    stamp = (folder / "vit-two" / "scores.json").stat().st_mtime_ns
    study.run()
    assert (folder / "vit-two" / "scores.json").stat().st_mtime_ns == stamp
    assert "finished before" in capsys.readouterr().err
    with pytest.raises(StudyError, match="other values of learning_rate"):
        replace(study, learning_rate=1.0).run()
