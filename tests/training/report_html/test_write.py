"""The whole way: a model, data, a file that any browser shows without a network."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from models.config import ModelConfig, SegmentationConfig
from models.image.palette import CAMVID_PALETTE
from models.runtime.predictor import Prediction
from models.task import Task
from models.weights import save_weights
from tests.tiny_models import TINY, wild
from training.data.file_formats import FileFormatError
from training.data.sample import Sample
from training.report_html import write
from training.report_html.contents import Contents
from training.report_html.page import render
from training.report_html.write import ReportError, find_subject, write_html
from training.scoring import evaluate as evaluation
from training.scoring.evaluate import evaluate
from training.scoring.suites import Suite

HOSTILE = "<script>alert('x')</script><img src=http://evil.example/a.png>&amp;\"'"
SECTIONS = (
    "summary",
    "training",
    "scores",
    "segmentation",
    "temporal",
    "flow",
    "depth",
    "uncertainty",
    "recipe",
    "left-out",
)
VOID = {"meta", "link", "img", "br", "hr"}


class Page(HTMLParser):
    """Checks that tags are closed in their order, and gathers what the tests look at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), name  # no event handlers
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "srcset", "poster", "data", "action"):
                self.links.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


class Planted:
    """Samples of every truth under a name that wants to be markup."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng(index)
        image = rng.integers(0, 256, (48, 64, 3), np.uint8)
        return Sample(
            name=f"{HOSTILE}{index}",
            image=image,
            next_image=np.roll(image, 2, axis=1),
            labels=rng.integers(0, 11, (48, 64), np.uint8),
            inverse_depth=rng.uniform(0.1, 1.0, (48, 64)).astype(np.float32),
            flow=np.tile(np.array([2.0, 0.0], np.float32), (48, 64, 1)),
        )


def absent() -> Planted:
    raise FileFormatError(f"/data/{HOSTILE}: no such folder")


@pytest.fixture(autouse=True)
def _planted_suites(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = Suite(key="planted", title=f"Planted {HOSTILE}", open=Planted, is_clip=True)
    missing = Suite(key="none", title="None", open=absent)
    for name in ("SEGMENTATION", "FLOW", "DEPTH"):
        monkeypatch.setattr(evaluation, name, (planted, missing))
    monkeypatch.setattr(write, "SUITES", dict.fromkeys(Task, (planted, missing)))


def make_run(folder: Path, config: ModelConfig = TINY["lookup"]) -> Path:
    folder.mkdir()
    model = wild(config)
    save_weights(folder / "weights.safetensors", config, model.state_dict(), step="3")
    recipe = {"name": HOSTILE, "summary": HOSTILE, "num_steps": 3, "data": {"seed": 0}}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    lines = [
        {"step": step, "step_s": 1.0, "learning_rate": 0.1, "flow": 1.0 / (step + 1), HOSTILE: 2.0}
        for step in range(3)
    ]
    (folder / "losses.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def report(path: Path, **options: bool) -> tuple[str, Page]:
    written = write_html(path, quick=options.get("quick", True), say=lambda _: None)
    text = written.read_text()
    return text, Page(text)


def test_a_run_becomes_one_file_that_needs_no_network_and_no_script(tmp_path: Path) -> None:
    text, page = report(make_run(tmp_path / "run"))
    assert (tmp_path / "run" / "report.html").is_file()
    assert "script" not in page.tags
    assert "iframe" not in page.tags
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert "@import" not in text
    assert "url(" not in text
    assert {tag for tag in page.tags if tag == "img"} == {"img"}
    assert "svg" in page.tags
    assert len(text) < 3_000_000


def test_every_section_is_there_and_every_link_leads_to_one(tmp_path: Path) -> None:
    _, page = report(make_run(tmp_path / "run"))
    assert tuple(page.ids) == SECTIONS
    assert [link for link in page.links if link.startswith("#")] == [f"#{key}" for key in SECTIONS]


def test_a_hostile_name_is_text(tmp_path: Path) -> None:
    text, page = report(make_run(tmp_path / "run"))
    assert "<script" not in text
    assert not any("evil" in link for link in page.links)
    joined = "".join(page.text)
    assert f"worst 1: {HOSTILE}" in joined
    assert f"/data/{HOSTILE}: no such folder" in joined


def test_missing_data_are_named(tmp_path: Path) -> None:
    _, page = report(make_run(tmp_path / "run"))
    joined = " ".join(page.text)
    for task in ("segmentation", "flow", "depth"):
        assert f"{task}: None" in joined


def test_a_model_without_some_heads_has_a_report(tmp_path: Path) -> None:
    config = replace(TINY["lookup"], segmentation=None, flow=None)
    _, page = report(make_run(tmp_path / "run", config))
    assert tuple(page.ids) == SECTIONS
    joined = " ".join(page.text)
    assert "The model answers no flow." in joined
    assert "The model answers no segmentation." in joined


def test_a_run_without_weights_shows_its_curves(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    (folder / "weights.safetensors").unlink()
    _, page = report(folder)
    joined = " ".join(page.text)
    assert "has not reached a checkpoint" in joined
    assert "svg" in page.tags
    assert "img" not in page.tags


def make_folder(folder: Path) -> None:
    """A user's own images with labels of two classes."""
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    for name in ("a", "b"):
        rng = np.random.default_rng(0)
        Image.fromarray(rng.integers(0, 256, (32, 48, 3), np.uint8)).save(
            folder / "images" / f"{name}.png"
        )
        Image.fromarray(rng.integers(0, 2, (32, 48), np.uint8)).save(
            folder / "labels" / f"{name}.png"
        )


def test_a_run_on_own_data_is_scored_on_their_held_out_part(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    make_folder(mine / "val")
    (mine / "dataset.json").write_text(json.dumps({"class_names": ["wall", "crack"]}))
    config = replace(TINY["lookup"], segmentation=SegmentationConfig(class_names=("wall", "crack")))
    folder = make_run(tmp_path / "run", config)
    data = {"labelled": [f"folder:{mine}/train"], "pairs": ["hd1k"]}
    (folder / "recipe.json").write_text(json.dumps({"data": data}))
    _, page = report(folder)
    joined = " ".join(page.text)
    assert f"folder:{mine}/val: confusion, % of the true class" in joined
    assert "own data: hd1k" in joined
    assert "it has no held-out part" in joined
    assert f"Planted {HOSTILE} has 11 classes" in joined  # the usual ones do not fit
    assert "segmentation: None" in joined  # or are missing


def test_steady_labels_are_shown_and_counted() -> None:
    def steady(image: NDArray[np.uint8], other: NDArray[np.uint8] | None) -> Prediction:
        height, width = image.shape[:2]
        still = None if other is None else np.zeros((height, width, 2), np.float32)
        return Prediction(labels=np.full((height, width), 3, np.uint8), flow=still)

    found = evaluate(steady, quick=False, tasks=("segmentation", "flow"), report=lambda _: None)
    contents = Contents(
        name="n",
        made_at="now",
        facts=(),
        tasks=("segmentation", "flow"),
        palette=CAMVID_PALETTE,
        evaluation=found,
        is_quick=False,
        log=None,
    )
    page = Page(render(contents))
    joined = " ".join(page.text)
    assert "100.0% of the compared pixels have the same class (goal 95%)" in joined
    assert "Compared are 100.0% of all pixels" in joined
    assert "least steady frames" in joined


def test_a_file_of_weights_knows_the_run_that_it_lies_in(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    subject = find_subject(folder / "weights.safetensors")
    assert (subject.name, subject.run) == ("run", folder)
    alone = tmp_path / "alone.safetensors"
    alone.write_bytes((folder / "weights.safetensors").read_bytes())
    subject = find_subject(alone)
    assert (subject.name, subject.run) == ("alone", None)
    assert subject.default_output == tmp_path / "report.html"


def test_nothing_is_written_into_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "street").mkdir()
    (tmp_path / "street" / "bundle.json").write_text("{}")
    subject = find_subject(tmp_path / "street")
    assert subject.default_output == Path("report-street.html")
    assert subject.run is None


def test_where_the_report_goes_is_looked_at_before_anything_is_scored(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")

    def say(line: str) -> None:
        raise AssertionError(line)  # a line for each data set that is scored

    with pytest.raises(ReportError, match=r"run is a folder, expected the name of a file"):
        write_html(run, quick=True, output=run, say=say)
    output = tmp_path / "new" / "folder" / "mine.html"
    assert write_html(run, quick=True, output=output, say=lambda _: None) == output
    assert output.is_file()


def test_names_that_are_no_text_do_not_lose_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Latin(Planted):
        """Files as an old archive has them: their names are no UTF-8."""

        def __getitem__(self, index: int) -> Sample:
            return replace(super().__getitem__(index), name=f"m\udcfcnchen {index}")

    monkeypatch.setattr(evaluation, "FLOW", (Suite(key="old", title="Old", open=Latin),))
    run = make_run(tmp_path / "run")
    written = write_html(run, quick=True, only=("old",), say=lambda _: None)
    assert "m?nchen" in written.read_text(encoding="utf-8")


def test_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="neither a run's folder"):
        find_subject(tmp_path)
    with pytest.raises(ReportError, match="give one of these"):
        find_subject(tmp_path / "absent")
