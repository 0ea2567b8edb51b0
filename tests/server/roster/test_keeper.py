"""The thread that looks after the models: what it does at the same time, and what it survives."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server.errors import NotReady
from server.loading.loaded_model import LoadedModel, load_model
from server.loading.model_folder import Candidate, Listing, list_models
from server.roster import duty, finder
from server.roster.keeper import Keeper
from server.roster.served_model import ServedModel
from server.roster.watchers import Watcher
from tests.server.serving import Gate, wait_until
from tests.server.shelf import folder_config, put, rename


class Silent:
    """A watcher that tells nobody."""

    def __init__(self) -> None:
        self.fatalities = 0

    def served(self, model: ServedModel) -> None:
        pass

    def failed(self, candidate: Candidate, reason: str) -> None:
        pass

    def ended(self, name: str, version: str) -> None:
        pass

    def fatal(self) -> None:
        self.fatalities += 1


Start = Callable[..., Keeper]


@pytest.fixture
def watcher() -> Silent:
    watcher = Silent()
    assert isinstance(watcher, Watcher)
    return watcher


@pytest.fixture
def start(watcher: Silent) -> Iterator[Start]:
    """Keepers that end with the test."""
    keepers: list[Keeper] = []

    def start(root: Path, **changes: Any) -> Keeper:
        keeper = Keeper(folder_config(root, **changes), watcher=watcher)
        keepers.append(keeper)
        keeper.start()
        wait_until(lambda: keeper.has_looked)
        return keeper

    yield start
    for keeper in keepers:
        keeper.stop(timeout_s=10.0)
        assert not keeper.has_running_engines


def served(keeper: Keeper) -> list[str]:
    return [str(model) for model in keeper.roster]


def test_a_model_that_was_replaced_ends_while_the_next_one_still_loads(
    start: Start, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gate: Gate
) -> None:
    put(tmp_path, folder, "street", "1")
    keeper = start(tmp_path)
    first = keeper.roster.find("street").worker

    def load(*arguments: Any, **options: Any) -> LoadedModel:
        model = load_model(*arguments, **options)
        if model.bundle.name == "rooms":
            gate.entered.set()
            assert gate.open.wait(20)
        return model

    monkeypatch.setattr(duty, "load_model", load)
    held = keeper.roster.find("street")
    put(tmp_path, folder, "street", "2")
    wait_until(lambda: served(keeper) == ["street@2"])
    put(tmp_path, folder, "rooms", "1")
    assert gate.entered.wait(20)
    wait_until(lambda: first.is_alive)  # somebody holds it
    del held
    loading = [("rooms@1", "loading")]
    wait_until(lambda: [(one.model, one.state) for one in keeper.troubles] == loading)
    wait_until(lambda: not first.is_alive)
    gate.open.set()
    wait_until(lambda: served(keeper) == ["rooms@1", "street@2"])


def test_a_bundle_that_got_another_name_is_the_default_still(
    start: Start, folder: Path, tmp_path: Path
) -> None:
    root, bundle = tmp_path / "models", put(tmp_path, folder, "street", "1", at="bundle")
    root.mkdir()
    keeper = start(root, bundle=bundle)
    assert keeper.roster.default_name == "street"
    rename(bundle, "rooms", "2")
    assert str(keeper.load("street", None).result(20)) == "rooms@2"
    assert served(keeper) == ["rooms@2"]
    assert str(keeper.roster.default) == "rooms@2"


def test_a_bundle_cannot_take_a_name_of_the_folder(
    start: Start, folder: Path, tmp_path: Path
) -> None:
    root, bundle = tmp_path / "models", put(tmp_path, folder, "street", "1", at="bundle")
    put(root, folder, "rooms", "1")
    keeper = start(root, bundle=bundle)
    assert served(keeper) == ["rooms@1", "street@1"]
    rename(bundle, "rooms", "2")
    with pytest.raises(Exception, match="the name rooms is taken by the model folder"):
        keeper.load("street", None).result(20)
    assert served(keeper) == ["rooms@1", "street@1"]


def test_what_nobody_foresaw_ends_neither_the_models_nor_who_looks_after_them(
    start: Start, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, folder, "street", "1")
    keeper = start(tmp_path)
    failed = threading.Event()

    def fail_once(root: Path) -> Listing:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("can't start new thread")
        return list_models(root)

    monkeypatch.setattr(finder, "list_models", fail_once)
    put(tmp_path, folder, "street", "2")
    assert failed.wait(20)
    wait_until(lambda: served(keeper) == ["street@2"])


def test_what_nobody_foresaw_at_the_start_is_said_and_ends_the_process(
    start: Start,
    watcher: Silent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: Path) -> Listing:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(finder, "list_models", fail)
    keeper = start(tmp_path)
    assert keeper.failure == 'looking for models failed: RuntimeError("can\'t start new thread")'
    wait_until(lambda: watcher.fatalities == 1)


def test_an_order_is_answered_whenever_it_comes(
    start: Start, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gate: Gate
) -> None:
    put(tmp_path, folder, "street", "1")
    keeper = start(tmp_path, watch_s=0)

    def load(*arguments: Any, **options: Any) -> LoadedModel:
        gate.entered.set()
        assert gate.open.wait(20)
        return load_model(*arguments, **options)

    monkeypatch.setattr(duty, "load_model", load)
    put(tmp_path, folder, "rooms", "1")
    under_way = keeper.load("rooms", None)
    assert gate.entered.wait(20)
    given_up, waiting = keeper.load("rooms", None), keeper.unload("rooms", None)
    assert given_up.cancel()
    assert not under_way.cancel()
    keeper.stop(timeout_s=0.0)
    late = keeper.load("street", None)
    for order in (under_way, waiting, late):
        with pytest.raises(NotReady):
            order.result(20)
    gate.open.set()
