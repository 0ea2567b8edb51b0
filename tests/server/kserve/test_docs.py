"""docs/kserve.md says what works: its snippets run, in order, against a server."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.bundle_folder import write_bundle
from server.service import Service
from tests.server.serving import config_for, encoded, listening, plain
from tests.toy_bundle import toy_bundle, write_toy_bundle

PAGE = Path(__file__).parents[3] / "docs" / "kserve.md"
ADDRESS = "localhost:8000"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("street")
    write_toy_bundle(folder)
    write_bundle(folder, toy_bundle(name="street"))
    with listening(Service(config_for(folder))) as port:
        yield port


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "street.jpg").write_bytes(encoded(plain(60, 80, (100, 100, 100)), "JPEG"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def snippets(language: str, port: int) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    return [text.replace(ADDRESS, f"127.0.0.1:{port}") for text in found]


def test_the_python_snippets_run(port: int, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"__name__": "docs"}
    for text in snippets("python", port):
        exec(compile(text, str(PAGE), "exec"), names)
    shown = capsys.readouterr().out
    assert "(60, 80)" in shown  # labels
    # The toy's flow is the change of the mean red and green, its uncertainty that of blue.
    first, second = names["frames"]
    change = (second.astype(float) - first).mean(axis=(0, 1))
    moved = f"{change[0]:.1f} px right, {change[1]:.1f} px down, give or take {change[2]:.1f}"
    assert moved in shown
    assert "0.0 px right" not in moved  # which a server that sees nothing would say as well
    assert "flow FP32 [-1, -1, -1, 2] {'unit': 'px'}" in shown
    assert "400 output flow is about the motion between two images" in shown
    assert "3 (1, 60, 80)" in shown  # the fourth of four
    assert "street 1.0 READY" in shown
    assert "403 clients do not manage models here" in shown
    assert here.exists()


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_curl_snippets_run(port: int, here: Path) -> None:
    shown = ""
    for text in snippets("sh", port):
        result = subprocess.run(
            ["sh", "-e", "-c", text], cwd=here, capture_output=True, text=True, timeout=60
        )
        assert result.returncode == 0, result.stderr
        shown += result.stdout
    length = re.search(r"inference-header-content-length: (\d+)", shown, re.I)
    assert length is not None
    answer = (here / "answer.bin").read_bytes()
    assert answer[int(length[1]) - 2 : int(length[1])] == b"]}"
    assert len(answer) == int(length[1]) + 60 * 80 * (1 + 2 + 4 + 2)
    assert '"name":"labels","datatype":"UINT8","shape":[1,60,80]' in shown
    assert '{"ready":true}' in shown
    assert '"inference_count":' in shown
    assert '"state":"READY"' in shown


def test_every_setting_that_the_page_names_exists() -> None:
    from server.config import ServerConfig

    flags = set(re.findall(r"`--(?:no-)?([a-z-]+)`", PAGE.read_text("utf-8")))
    assert len(flags) >= 8
    assert {flag.replace("-", "_") for flag in flags} <= set(ServerConfig.model_fields)
