"""The study of test resolutions: crops, scores, verdicts by hand, and all of it once."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.presets import PRESETS
from models.runtime.predictor import Prediction
from tests.tiny_models import TINY
from training.data.root import data_root
from training.data.sample import Sample
from training.studies.compare import Outcome, train_and_score
from training.studies.fit import Fit
from training.studies.multi_resolution import MultiResolutionStudy
from training.studies.resolution_report import FLOOR, ONE, SEVERAL, verdict, write_report
from training.studies.resolution_score import (
    ALL,
    MEASURES,
    SHAPES,
    TestSet,
    at_size,
    nothing_learned,
    write_curves,
)
from training.studies.resolution_study import method, run_study
from training.studies.whole_crops import WholeCrops, largest

needs_data = pytest.mark.skipif(
    not (data_root() / "camvid").is_dir(), reason=f"CamVid is not at {data_root() / 'camvid'}"
)
SIZES = (0.25, 0.5, 1.0, 2.0, 4.0)


def test_the_target_is_a_share_of_the_peak_between_a_half_and_two() -> None:
    low = (0.1,) * 5
    found = verdict((0.30, 0.57, 0.60, 0.58, 0.50), SIZES, "segmentation", floor=low)
    assert (found.peak, found.peak_size, found.target) == (0.60, 1.0, "met")
    assert found.kept == pytest.approx(0.95)
    assert found.kept_lowest == pytest.approx(0.5)
    assert found.kept_highest == pytest.approx(0.5 / 0.6)
    found = verdict((0.30, 0.50, 0.55, 0.60, 0.70), SIZES, "depth", floor=low)
    assert (found.peak_size, found.target) == (4.0, "not met")  # a peak outside counts too
    assert found.kept == pytest.approx(0.5 / 0.7)


def test_of_an_error_the_peak_is_the_least_one() -> None:
    floor = (10.0,) * 5
    found = verdict((8.0, 4.0, 3.0, 3.1, 6.0), SIZES, "flow", floor=floor)
    assert (found.peak, found.peak_size, found.target) == (3.0, 1.0, "not met")
    assert (found.kept, found.kept_highest) == (0.75, 0.5)


def test_a_curve_no_better_than_the_floor_keeps_nothing_worth_keeping() -> None:
    assert verdict((9.8,) * 5, SIZES, "flow", floor=(10.0,) * 5).target == "nothing learned"
    assert verdict((0.2,) * 5, SIZES, "depth", floor=(0.2,) * 5).target == "nothing learned"
    assert verdict((0.0,) * 5, SIZES, "depth", floor=(0.0,) * 5).target == "not met"


def test_shapes_have_the_area_of_the_canvas() -> None:
    held_out = TestSet(canvas=(128, 160), sizes=SIZES, num_images=1, num_pairs=1)
    for shape, ratio in SHAPES.items():
        height, width = held_out.size(shape, 4.0)
        assert height * width == pytest.approx(16 * 128 * 160, rel=0.01)
        assert width / height == pytest.approx(ratio, rel=0.01)
        assert held_out.size(shape, 0.001) == (1, 1)


def pair(side: int) -> Sample:
    """Everything moves by a tenth of the image's side; depth is brightness, the class too."""
    ramp = np.tile(np.linspace(20, 220, side), (side, 1))
    flow = np.zeros((side, side, 2), np.float32)
    flow[..., 0] = side / 10
    image = np.repeat(ramp[..., None], 3, -1).astype(np.uint8)
    return Sample(
        name="p",
        image=image,
        next_image=image,
        labels=(ramp > 120).astype(np.uint8),
        inverse_depth=(ramp / 100).astype(np.float32),
        flow=flow,
    )


def knows(image: NDArray[np.uint8], _: NDArray[np.uint8] | None) -> Prediction:
    """The truth about `pair` but for flow, of which it says the half."""
    bright = image[..., 0].astype(np.float32)
    flow = np.zeros((*bright.shape, 2), np.float32)
    flow[..., 0] = bright.shape[1] / 20
    return Prediction(labels=(bright > 120).astype(np.uint8), depth=bright * 3 - 7, flow=flow)


@pytest.mark.parametrize("side", [16, 40, 64, 150])
def test_scores_are_those_of_the_test_resolution(side: int) -> None:
    found = at_size(knows, [pair(64)], [pair(64)], (side, side))
    # A class border that moves by a part of a pixel is all that is lost.
    assert found["segmentation"] > 0.85
    assert found["depth"] == 1.0
    assert found["flow"] == pytest.approx(5.0, rel=1e-4)  # % of the side, at every resolution
    idle = at_size(nothing_learned, [pair(64)], [pair(64)], (side, side))
    assert idle["flow"] == pytest.approx(10.0, rel=1e-4)
    assert idle["segmentation"] == 0.0  # there is no road
    assert idle["depth"] < 0.6


def test_a_crop_of_a_shape_fits_its_image() -> None:
    assert largest((360, 480), 160 / 128) == (360, 450)
    assert largest((360, 480), 160 / 128, share=0.75) == (270, 338)
    assert largest((1, 1), 4.0) == (1, 1)


@needs_data
def test_both_canvases_see_the_same_crops() -> None:
    config = WholeCrops(
        canvas=(64, 80), images_per_step=2, scenes_per_step=0, pairs_per_step=0, seed=3
    )
    low = config[5][0].image.float()
    high = replace(config, canvas=(128, 160))[5][0].image.float()
    averaged = high.unflatten(2, (64, 2)).unflatten(4, (80, 2)).mean((3, 5))
    assert (averaged - low).abs().mean() < 4.0  # colours are rounded and clipped in between
    assert (averaged.flip(3) - low).abs().mean() > 10.0


def test_the_copies_of_a_step_have_the_sizes_of_the_study() -> None:
    study = MultiResolutionStudy(canvas=(128, 160), sizes=(0.5, 1.0, 2.0))
    several, one = method(study, SEVERAL), method(study, ONE)
    assert several.recipe.multi_resolution is not None
    assert several.recipe.multi_resolution.sizes == (0.25, 0.5, 1.0)
    assert isinstance(several.data, WholeCrops)
    assert several.data.canvas == (256, 320)
    assert one.recipe.multi_resolution is None
    assert one.data == WholeCrops(canvas=(128, 160))


def test_an_unknown_model_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no-such came, expected a model: one of lookup-t, "):
        run_study(MultiResolutionStudy(model="no-such", out=tmp_path))


def test_the_report_holds_every_curve(tmp_path: Path) -> None:
    study = MultiResolutionStudy(out=tmp_path, test_sizes=SIZES)
    held_out = TestSet(canvas=study.canvas, sizes=SIZES, num_images=1, num_pairs=1)
    worth = {ONE: 0.5, SEVERAL: 0.25, FLOOR: 1.0}
    for name, value in worth.items():
        (tmp_path / name).mkdir()
        curves = {t: {s: [value] * 5 for s in (*SHAPES, ALL)} for t in MEASURES}
        write_curves(tmp_path / name / "curves.json", curves, held_out)
    fit = Fit(
        num_steps=7,
        trained_s=120.0,
        step_s=0.25,
        wait_s=0.01,
        peak_mib=500.0,
        idle_mib=300.0,
        points=((120.0, "weights-1.safetensors"),),
    )
    text = write_report(study, [Outcome(name=n, fit=fit, scores=({},)) for n in (ONE, SEVERAL)])
    assert text + "\n" == (tmp_path / "report.md").read_text()
    assert "| one-size | 7 | 0.25 | 0.01 | 2 | 500 |" in text
    kept = "100.0 % | 100.0 % | 100.0 %"
    assert f"| several-sizes | flow | all | 0.25 | 0.25x | {kept} | met |" in text
    assert f"| one-size | depth | 1:1 | 0.5 | 0.25x | {kept} | nothing learned |" in text
    results = json.loads((tmp_path / "results.json").read_text())
    assert len(results["verdicts"]) == 2 * len(MEASURES) * (1 + len(SHAPES))
    assert results["curves"][SEVERAL]["flow"][ALL] == [0.25] * 5
    for plot in ("accuracy", "shapes"):
        assert (tmp_path / f"{plot}.png").read_bytes().startswith(b"\x89PNG")
        assert "one-size" in (tmp_path / f"{plot}.svg").read_text()


@needs_data
@pytest.mark.slow
def test_the_whole_study_in_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "tiny", TINY["lookup"])
    monkeypatch.setattr("training.studies.resolution_score.POOLS", tmp_path / "pools")
    # In this process: a new one would not know the tiny model.
    monkeypatch.setattr("training.studies.compare._in_child", train_and_score)
    study = MultiResolutionStudy(
        model="tiny",
        minutes=0.001,
        threads=1,
        precision="f32",
        equal_steps=False,
        quick=True,
        out=tmp_path / "s",
    )
    study.run()
    out = tmp_path / "s-quick"
    names = {path.name for path in out.iterdir() if path.is_dir()}
    assert names == {ONE, SEVERAL, FLOOR}
    first = (out / "report.md").read_text()
    study.run()  # nothing is trained again
    assert (out / "report.md").read_text() == first
