"""What is wrong with the data is one sentence, whichever process has found it."""

from itertools import count

import pytest
import torch
from torch.utils.data import Dataset

from tests.training.test_loop import Planted
from training.data.batch import Batch
from training.data.file_formats import FileFormatError
from training.running.loader import load

CPU = torch.device("cpu")


class Broken(Planted):
    """Step 2 cannot be read."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getitem__(self, step: int) -> list[Batch]:
        if step == 2:
            raise self.error
        return super().__getitem__(step)


class StrangeError(ValueError):
    """An error that its own class cannot make again from its message."""

    def __init__(self, *, place: str) -> None:
        super().__init__(f"{place} is strange")


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize(
    "error",
    [
        FileFormatError("a.png: is no image: copy it again"),
        FileNotFoundError(2, "none", "b.png"),
    ],
)
def test_the_run_gets_the_error_itself_when_it_comes_to_that_step(
    num_workers: int, error: Exception
) -> None:
    batches = load(Broken(error), count(), num_workers=num_workers, device=CPU)
    assert [len(next(batches)) for _ in range(2)] == [2, 2]
    with pytest.raises(type(error)) as caught:
        next(batches)
    assert str(caught.value) == str(error)
    notes = getattr(caught.value, "__notes__", [])
    assert any("test_loader.py" in note for note in notes) == bool(num_workers)


def test_an_error_that_no_other_process_could_rebuild_is_not_lost() -> None:
    batches = load(Broken(StrangeError(place="a.png")), range(3), num_workers=1, device=CPU)
    for _ in range(2):
        next(batches)
    with pytest.raises(Exception, match=r"a\.png is strange"):
        next(batches)


class Steps(Dataset[list[Batch]]):
    """Tells nothing but the step's number."""

    def __getitem__(self, step: int) -> list[Batch]:
        batch = Planted()[step][0]
        return [batch.rows(slice(0, 1))] * step


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # on a single core
def test_steps_come_in_order(num_workers: int) -> None:
    batches = load(Steps(), range(1, 6), num_workers=num_workers, device=CPU)
    assert [len(x) for x in batches] == [1, 2, 3, 4, 5]
