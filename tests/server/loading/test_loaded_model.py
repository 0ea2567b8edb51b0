"""A model that is loaded, and shares of its engine."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from models.bundle import BundleError
from models.runtime.predictor import predict
from server.loading.loaded_model import load_model
from tests.server.serving import config_for, plain


def test_its_share_answers_as_the_whole_does(folder: Path) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    model = load_model(config_for(folder, engine="openvino", threads=2))
    share = model.load_share(2)
    assert share is not None
    assert share.precisions == model.selection.runtime.precisions
    image = plain(20, 30, (40, 50, 60))
    found, expected = (predict(one, image, image) for one in (share, model.selection.runtime))
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_allclose(found.depth, expected.depth)  # type: ignore[arg-type]


def test_another_bundle_in_the_folder_is_not_mixed_with_the_one_that_was_loaded(
    folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    mine = tmp_path / "bundle"
    shutil.copytree(folder, mine)
    model = load_model(config_for(mine, engine="openvino", threads=2))
    manifest = json.loads((mine / "bundle.json").read_text())
    (mine / "bundle.json").write_text(json.dumps(manifest | {"description": "another"}))
    with pytest.raises(BundleError, match="holds another bundle than the one that was loaded"):
        model.load_share(2)
