"""Where the time of a full-HD pair over HTTP goes: `make bench`."""

import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("decode", "queue", "infer", "encode")
RUNS = 5


def test_share_of_the_stages() -> None:
    table = Table(title=f"A pair over HTTP, median of {RUNS}, milliseconds")
    for column in ("size (HxW)", "answer", *STAGES, "client, whole"):
        table.add_column(column)
    with server() as url:
        for height, width in ((270, 480), (720, 1280), (1080, 1920), (2160, 3840)):
            for accept in ("application/zip", "application/x-npz"):
                rows = [ask(url, height, width, accept) for _ in range(RUNS + 1)][1:]
                medians = [statistics.median(row[k] for row in rows) for k in (*STAGES, "whole")]
                table.add_row(f"{height}x{width}", accept, *(f"{m:.0f}" for m in medians))
    Console(width=140).print(table)


def ask(url: str, height: int, width: int, accept: str) -> dict[str, float]:
    """One request; milliseconds by stage."""
    boundary = "anyres"
    parts = b"".join(
        b"--anyres\r\nContent-Disposition: form-data; name=%b; filename=f.jpg\r\n"
        b"Content-Type: image/jpeg\r\n\r\n%b\r\n" % (name, photograph(height, width, shift))
        for name, shift in ((b"image", 0), (b"next_image", 3))
    )
    request = urllib.request.Request(
        f"{url}/v1/predict",
        data=parts + b"--anyres--\r\n",
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}", "Accept": accept},
    )
    begun = time.perf_counter()
    with urllib.request.urlopen(request, timeout=120) as answer:
        answer.read()
        timing = answer.headers["Server-Timing"]
    found = {"whole": (time.perf_counter() - begun) * 1000}
    for stage in STAGES:
        match = re.search(rf"{stage};dur=([\d.]+)", timing)
        found[stage] = float(match[1]) if match else float("nan")
    return found


def photograph(height: int, width: int, shift: int) -> bytes:
    """A smooth, noisy picture as JPEG: about as hard to code as a real one."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (height // 24 + 1, width // 24 + 1, 3), np.uint8)
    picture = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    noisy = picture.astype(int) + rng.integers(-8, 9, (height, width, 1))
    moved = np.roll(noisy.clip(0, 255).astype(np.uint8), shift, axis=1)
    out = BytesIO()
    Image.fromarray(moved).save(out, "JPEG", quality=90)
    return out.getvalue()


@contextmanager
def server() -> Iterator[str]:
    """The shipped bundle on a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "server", "--port", str(port), "--timeout-s", "600"]
    process = subprocess.Popen(command, cwd=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{url}/readyz", timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, "the server ended, see above"
                time.sleep(0.5)
        else:
            raise TimeoutError("the server is not ready after two minutes")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)
