"""Disks that are full, files that go away: what is loaded goes on, what is new says why not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from server.loading.model_folder import list_models
from tests.need import need
from tests.server.raw_http import ask
from tests.server.serving import encoded, plain, post_head
from tests.server.test_main import serving

IMAGE = encoded(plain(20, 20, (40, 40, 40)))

_ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from server.config import ServerConfig
from server.loading.loaded_model import load_model
from models.runtime.predictor import predict
import numpy as np
bundle, cache = map(Path, sys.argv[1:])
most_bytes = 3000  # of any file that this process writes
resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
config = ServerConfig(bundle=bundle, engine="openvino", threads=1, engine_cache=cache)
for _ in range(2):
    model = load_model(config)
    depth = predict(model.selection.runtime, np.full((5, 7, 3), 60, np.uint8)).depth
    assert (depth == 60).all()
print([file.stat().st_size for file in cache.iterdir()])
"""


def test_a_disk_that_fills_while_the_cache_is_written_costs_nothing_but_time(
    folder: Path, tmp_path: Path
) -> None:
    need("openvino")
    command = [sys.executable, "-c", _ON_A_FULL_DISK, str(folder), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert all(size <= 3000 for size in json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("how", ["cut", "written over", "removed"])
def test_a_bundle_that_is_spoilt_under_a_server_is_served_on(
    folder: Path, tmp_path: Path, how: str
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(folder, bundle)
    with serving(bundle) as (process, port):
        if how == "removed":
            shutil.rmtree(bundle)
        for file in bundle.glob("*"):
            os.truncate(file, 0)
            if how == "written over":
                file.write_bytes(b"\0" * 10_000)
        for side in (20, 33):  # a size that it has not seen, too
            image = encoded(plain(side, side, (40, 40, 40)))
            answer = ask(port, post_head(len(image)) + image)
            assert (answer.status, json.loads(answer.body)["depth"]["median"]) == (200, 40)
        assert process.poll() is None


def test_a_model_that_cannot_be_read_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("good/1", "good/2", "locked/1", "half/1", "half/2"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "bundle.json").write_text("{}")
    refused = {tmp_path / "locked", tmp_path / "half" / "2" / "bundle.json"}
    look, ask_kind = Path.iterdir, Path.is_file

    def check(path: Path) -> Path:
        if path in refused:  # root may read all: rights alone would prove nothing here
            raise PermissionError(13, "Permission denied", str(path))
        return path

    monkeypatch.setattr(Path, "iterdir", lambda path: look(check(path)))
    monkeypatch.setattr(Path, "is_file", lambda path: ask_kind(check(path)))
    listing = list_models(tmp_path)
    assert [str(one) for one in listing.candidates] == ["good@2", "good@1", "half@1"]
    assert set(listing.problems) == {"locked", "half/2"}
    for reason in listing.problems.values():
        assert "cannot be read (Permission denied)" in reason
