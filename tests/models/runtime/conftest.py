"""A toy bundle on disk, once per run."""

from pathlib import Path

import pytest

from tests.toy_bundle import write_toy_bundle


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    write_toy_bundle(folder)
    return folder
