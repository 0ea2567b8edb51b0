"""What the Dockerfile installs and copies is enough: no torch, an empty home, nothing written.

Without a Docker engine, its steps are taken from its text: the requirements that it computes go
into a virtual environment of their own, the folders that it copies into an empty folder.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from server.config import ServerConfig

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
START_S = 120
BOUNDARY = "anyres"


def copied_folders() -> list[str]:
    """Sources of the COPY lines of the last stage."""
    last_stage = DOCKERFILE.rpartition("FROM ")[2]
    return re.findall(r"^COPY (?!--from)(\S+)/ ", last_stage, flags=re.MULTILINE)


def requirements() -> str:
    """What the build stage's own line prints."""
    line = re.search(r'RUN python -c "(.*?)" *\\\n *> requirements\.txt', DOCKERFILE, re.DOTALL)
    assert line is not None
    code = line[1].replace("\\\n", "")
    # In a shell's double quotes, where a backslash before n stays what it is.
    extras = re.search(r"^ARG EXTRAS=(\S+)$", DOCKERFILE, flags=re.MULTILINE)
    assert extras is not None
    environment = {**os.environ, "EXTRAS": extras[1]}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True
    )
    return done.stdout.decode()


def test_the_image_holds_models_and_server_alone() -> None:
    assert copied_folders() == ["models", "server"]
    assert not re.search(r"^(torch|onnx|safetensors)\b", requirements(), flags=re.MULTILINE)


def test_it_has_two_stages_and_the_last_one_runs_as_nobody_special() -> None:
    stages = re.findall(r"^FROM \S+ AS (\w+)$", DOCKERFILE, flags=re.MULTILINE)
    assert stages == ["build", "cpu"]
    last_stage = DOCKERFILE.rpartition("FROM ")[2]
    assert re.findall(r"^USER (\S+)$", last_stage, flags=re.MULTILINE) == ["anyres"]
    assert "useradd --system --uid 10001" in last_stage  # as the manifests have it
    assert "pip install" not in last_stage
    assert re.search(r'^ENTRYPOINT \["python", "-m", "server"\]$', last_stage, re.MULTILINE)
    for name in re.findall(r"^\s*(?:ENV )?.*?ANYRES_([A-Z_]+)=", last_stage, flags=re.MULTILINE):
        assert name.lower() in ServerConfig.model_fields


@pytest.mark.slow
def test_a_clean_environment_with_the_copied_folders_answers_a_pair(tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    (tmp_path / "requirements.txt").write_text(requirements())
    install = f"{python} -m pip install --quiet --disable-pip-version-check"
    wanted = f"--constraint {ROOT / 'constraints.txt'} -r {tmp_path / 'requirements.txt'}"
    subprocess.run([*install.split(), *wanted.split()], check=True, timeout=600)
    image = tmp_path / "anyres"
    for folder in copied_folders():
        shutil.copytree(ROOT / folder, image / folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = sorted(path for path in image.rglob("*"))
    with server(python, image) as url:
        request = urllib.request.Request(
            f"{url}/v1/predict",
            data=pair(),
            headers={
                "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
                "Accept": "application/zip",
            },
        )
        with urllib.request.urlopen(request, timeout=START_S) as answer:
            names = set(ZipFile(BytesIO(answer.read())).namelist())
    assert names >= {"segmentation.png", "depth.png", "flow.png", "meta.json"}
    assert sorted(path for path in image.rglob("*")) == before


@contextmanager
def server(python: Path, folder: Path) -> Iterator[str]:
    """The image's entry point in its working directory; its address once it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "nowhere"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ANYRES_PORT": str(port),
    }
    process = subprocess.Popen(
        [python, "-m", "server"], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    )
    url = f"http://127.0.0.1:{port}"
    try:
        ends = time.monotonic() + START_S
        while not ready(url):
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < ends, "the server is not ready"
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=30)


def ready(url: str) -> bool:
    """True once the model is loaded."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def pair() -> bytes:
    """Two PNGs as a form."""
    frame = np.random.default_rng(0).integers(0, 256, (48, 80, 3), np.uint8)
    parts = []
    for name, shift in (("image", 0), ("next_image", 2)):
        file = BytesIO()
        Image.fromarray(np.roll(frame, shift, axis=1)).save(file, "PNG")
        parts.append(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="f.png"\r\n'
            f"Content-Type: image/png\r\n\r\n".encode()
            + file.getvalue()
            + b"\r\n"
        )
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
