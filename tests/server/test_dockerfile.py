"""What the Dockerfile copies is enough: two folders, no torch, an empty home, nothing written."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
STREET = ROOT / "models" / "bundles" / "street"

# Everything that a developer's environment has and the image has not.
START = """
import runpy, sys
ABSENT = "torch safetensors jaxtyping tyro onnx onnxscript rich cv2 pytest"
sys.modules.update(dict.fromkeys(ABSENT.split()))
sys.argv = ["server", *sys.argv[1:]]
runpy.run_module("server", run_name="__main__")
"""


def copied_folders() -> list[str]:
    """Sources of the COPY lines of the last stage."""
    last_stage = (ROOT / "Dockerfile").read_text().rpartition("FROM ")[2]
    return re.findall(r"^COPY (?!--from)(\S+)/ ", last_stage, flags=re.MULTILINE)


def test_the_image_holds_models_and_server_alone() -> None:
    assert copied_folders() == ["models", "server"]


@pytest.mark.skipif(not (STREET / "bundle.json").exists(), reason="no bundle has been exported yet")
def test_the_copied_folders_alone_answer_with_the_shipped_bundle(tmp_path: Path) -> None:
    for folder in copied_folders():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    frame = np.random.default_rng(0).integers(0, 256, (48, 80, 3), np.uint8)
    Image.fromarray(frame).save(tmp_path / "frame.png")
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{START}"]
        + ["predict", "frame.png,frame.png", "--output", str(out)],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path / "home"),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(out.glob("*.png")) or list(out.glob("*/*.png")), done.stdout
    written = [p for p in (tmp_path / "server").rglob("*") if p.suffix == ".pyc"]
    assert not written
