"""Pictures of predictions: from the file's weights, beside the run, at every n-th checkpoint."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.data import Dataset

from models.runtime.predictor import Prediction
from models.task import CLASS_NAMES
from models.weights import save_weights
from tests.tiny_models import TINY, wild
from training.data.batch import Batch, collate
from training.data.file_formats import FileFormatError
from training.data.sample import Cut, Sample
from training.recipe import Recipe
from training.running.randomness import unchanged_randomness
from training.watching import board_samples
from training.watching.board import GAP_PX, Board, draw_sheets
from training.watching.board_samples import choose_samples, of_batch
from training.watching.journal import Journal

CPU = torch.device("cpu")


def cut(*, pair: bool, moved: int = 0) -> Cut:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (1, 32, 48, 3), np.uint8)
    return Cut(
        name="c",
        canvas=(64, 96),
        origins=np.zeros((1, 2), np.int64),
        image=image,
        next_origins=np.full((1, 2), moved, np.int64) if pair else None,
        next_image=image if pair else None,
        labels=None if pair else np.zeros((1, 32, 48), np.uint8),
        inverse_depth=None,
        flow=np.zeros((1, 32, 48, 2), np.float32) if pair else None,
    )


class Two(Dataset[list[Batch]]):
    """Three images and a pair, the same at every step."""

    def __getitem__(self, step: int) -> list[Batch]:
        draw()  # as data of others may
        return [collate([cut(pair=False)] * 3), collate([cut(pair=True)])]


@pytest.fixture(autouse=True)
def _nothing_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_samples, "UNSEEN", ())


def images(folder: Path) -> dict[str, list[int]]:
    events = EventAccumulator(str(folder), size_guidance={"images": 0})
    events.Reload()
    return {tag: [e.step for e in events.Images(tag)] for tag in events.Tags()["images"]}


def draw() -> None:
    random.random()
    np.random.rand()  # noqa: NPY002
    torch.rand(1)


def draw_and_fail() -> None:
    draw()
    raise RuntimeError("drawn")


def state() -> tuple[object, ...]:
    numpy = [np.asarray(part).tolist() for part in np.random.get_state(legacy=True)]  # noqa: NPY002
    return random.getstate(), numpy, torch.get_rng_state().tolist()


def test_pictures_lie_under_the_step_of_the_file_and_leave_chance_alone(tmp_path: Path) -> None:
    model, weights = wild(TINY["lookup"]), tmp_path / "weights.safetensors"
    board = Board(tmp_path / "board", start=0, device=CPU, data=Two())
    board.pictures(weights)
    assert not board.has_pictures  # no file yet
    before = state()
    for step in ("40", "40", "80"):
        save_weights(weights, model.config, model.state_dict(), step=step)
        board.pictures(weights)
    assert state() == before
    board.close()
    found = images(tmp_path / "board")
    assert found == {
        "segmentation/train/0-0": [39, 79],
        "segmentation/train/0-1": [39, 79],
        "segmentation/train/1-0": [39, 79],
        "depth/train/0-0": [39, 79],
        "depth/train/0-1": [39, 79],
        "depth/train/1-0": [39, 79],
        "flow/train/1-0": [39, 79],
    }


def test_a_model_without_heads_has_pictures_of_what_it_answers(tmp_path: Path) -> None:
    config = replace(TINY["lookup"], segmentation=None, flow=None)
    model, weights = wild(config), tmp_path / "weights.safetensors"
    save_weights(weights, config, model.state_dict(), step="1")
    board = Board(tmp_path, start=0, device=CPU, data=Two())
    board.pictures(weights)
    board.close()
    assert {tag.split("/")[0] for tag in images(tmp_path)} == {"depth"}


def test_every_nth_checkpoint_has_pictures_and_the_end(tmp_path: Path) -> None:
    model = wild(TINY["lookup"])
    recipe = Recipe(
        name="r", summary="", model=model.config, num_steps=5, checkpoint_every=1, pictures_every=2
    )
    with Journal(recipe, tmp_path, 0, device=CPU, data=Two()) as journal:
        for done in range(1, 6):
            path = tmp_path / "weights.safetensors"
            save_weights(path, model.config, model.state_dict(), step=str(done))
            journal.checkpoint(done)
    assert set(map(tuple, images(tmp_path / "tensorboard").values())) == {(1, 3, 4)}


def test_a_sheet_shows_image_truth_and_answer() -> None:
    image = np.full((4, 6, 3), 9, np.uint8)
    labels = np.zeros((4, 6), np.uint8)
    answer = Prediction(labels=labels, flow=np.ones((4, 6, 2), np.float32))
    known = draw_sheets(Sample(name="a", image=image, labels=labels), answer, CLASS_NAMES)
    assert known["segmentation"].shape == (4, 3 * 6 + 2 * GAP_PX, 3)
    assert known["flow"].shape == (4, 2 * 6 + GAP_PX, 3)
    assert set(known) == {"segmentation", "flow"}
    assert (known["segmentation"][:, :6] == image).all()
    truth, drawn = known["segmentation"][:, 10:16], known["segmentation"][:, 20:26]
    assert (truth == drawn).all()


def test_a_second_frame_that_was_cut_elsewhere_is_not_shown_as_a_pair() -> None:
    (same,) = of_batch(collate([cut(pair=True)]), "s")
    (moved,) = of_batch(collate([cut(pair=True, moved=16)]), "s")
    assert same.flow is not None
    assert (moved.next_image, moved.flow, moved.labels, moved.inverse_depth) == (None,) * 4


def test_large_samples_are_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_samples, "LONGEST_SIDE_PX", 24)
    sizes = {sample.size for sample in choose_samples(Two())}
    assert sizes == {(16, 24)}


def test_a_strip_keeps_a_row() -> None:
    strip = Sample(name="strip", image=np.zeros((1, 4000, 3), np.uint8))
    assert board_samples._small(strip).size == (1, 384)


class Broken:
    """A data set whose first file is there and whose second one is not."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Sample:
        if index:
            raise FileFormatError("flow/0001.png: No such file")
        return Sample(name="whole", image=np.zeros((8, 8, 3), np.uint8))


def nowhere() -> Broken:
    raise FileNotFoundError("ANYRES_DATA=/gone is not a folder")


def test_a_run_goes_on_where_unseen_data_are_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    unseen = ((nowhere, (0,)), (Broken, (0, 1)), (Broken, (0,)))
    monkeypatch.setattr(board_samples, "UNSEEN", unseen)
    assert [sample.name for sample in choose_samples(None)] == ["whole"]


def test_chance_is_restored_after_an_error() -> None:
    before = state()
    with pytest.raises(RuntimeError, match="drawn"), unchanged_randomness():
        draw_and_fail()
    assert state() == before
    draw()
    assert state() != before
