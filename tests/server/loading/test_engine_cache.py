"""A cache that cannot be used costs a message, not the start."""

import logging
from pathlib import Path

import numpy as np
import pytest

from models.bundle_folder import read_bundle
from models.runtime.predictor import predict
from models.runtime.select import select_runtime
from server.loading.engine_cache import usable_cache
from server.loading.loaded_model import load_model
from tests.need import need
from tests.server.serving import config_for, plain


def test_a_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "cache"
    assert usable_cache(folder, min_free_bytes=1) == folder
    assert list(folder.iterdir()) == []
    assert usable_cache(None) is None


def test_what_cannot_be_written_is_named_and_done_without(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/anyres")):
        with caplog.at_level(logging.ERROR):
            assert usable_cache(place) is None
        assert str(place) in caplog.messages[-1]
        assert "starting without" in caplog.messages[-1]
    model = load_model(config_for(folder, engine_cache=tmp_path / "file"))
    assert predict(model.selection.runtime, plain(3, 3, (9, 9, 9))).labels is not None


def test_a_disk_that_is_nearly_full_is_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert usable_cache(tmp_path, min_free_bytes=2**60) is None
    assert "MiB free" in caplog.messages[-1]


def test_openvino_keeps_what_it_compiled_and_does_without_where_it_cannot(
    tmp_path: Path, folder: Path
) -> None:
    need("openvino")
    bundle = read_bundle(folder)
    kept = select_runtime(folder, bundle, engine="openvino", threads=1, cache=tmp_path)
    assert f"compiled graphs are kept in {tmp_path}" in kept.reason
    files = sorted(path.name for path in tmp_path.iterdir())
    assert len(files) == 2  # frame and flow
    again = select_runtime(folder, bundle, engine="openvino", threads=1, cache=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    for blob in tmp_path.iterdir():  # under the two that run from it, too
        blob.chmod(0o600)
        blob.write_bytes(b"cut")
    cut = select_runtime(folder, bundle, engine="openvino", threads=1, cache=tmp_path)
    nowhere = Path("/proc/anyres/cache")
    without = select_runtime(folder, bundle, engine="openvino", threads=1, cache=nowhere)
    assert f"without the cache {nowhere}" in without.reason
    image = plain(20, 30, (60, 60, 60))
    for one in (kept, again, cut, without):
        np.testing.assert_array_equal(predict(one.runtime, image).depth, 60)
