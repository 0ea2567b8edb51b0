"""Other people's tools against a server of ours: wrk for speed, slowhttptest for slowness.

Both are Debian packages of their own names; what is not installed is said and left out. Each run
is bounded in time and connections.
"""

import os
import re
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from server.bench.pictures import draw, encode
from tests.soak.patient import Patient, patient
from tests.soak.soak import LIMITS

SLOW_CONNECTIONS = 100
SLOW_KINDS = {
    "slow heads (slowloris)": ("-H", "-i", "1", "-r", "50", "-t", "GET"),
    "slow bodies": ("-B", "-i", "1", "-r", "50", "-t", "POST"),
    "slow reading": ("-X", "-r", "50", "-w", "10", "-y", "20", "-n", "1", "-z", "8", "-k", "2"),
}
FLOODS = {
    "wrk, GET /livez": (64, "/livez", False),
    "wrk, POST /v1/predict": (64, "/v1/predict", True),
}


def run_tools(bundle: Path, out: Path, *, seconds: float) -> list[str]:
    """Run all that is installed; prints what they say, returns what must not be."""
    problems: list[str] = []
    image = out / "image.png"
    image.write_bytes(encode(draw(np.random.default_rng(0), (64, 96)), "png").data)
    # A queue as long as wrk has connections: a flood of refusals would measure the wrong thing.
    flags = [*LIMITS, "--max-queue", "64"]
    with patient(bundle, out / "tools.log", flags) as server:
        if shutil.which("wrk"):
            for name, (connections, path, posts) in FLOODS.items():
                problems += _flood(
                    server, name, connections, path, image if posts else None, seconds
                )
        else:
            print("wrk is not installed (apt-get install wrk): left out")
        if shutil.which("slowhttptest"):
            for name, flags_ in SLOW_KINDS.items():
                problems += _slow(server, name, flags_, image, seconds)
        else:
            print("slowhttptest is not installed (apt-get install slowhttptest): left out")
        if not server.is_running:
            problems.append("the server has ended under the tools, see tools.log")
    return problems


def _flood(
    server: Patient, name: str, connections: int, path: str, image: Path | None, seconds: float
) -> list[str]:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "30s"]
    command += ["--latency", server.url + path]
    if image is not None:
        command += ["-s", str(Path(__file__).with_name("post.lua"))]
    text = _run(command, seconds + 60, {"SOAK_IMAGE": str(image)})
    found = re.findall(r"(99%.*|Requests/sec.*|Non-2xx.*|Socket errors.*)", text)
    print(f"{name}: {'; '.join(' '.join(line.split()) for line in found)}")
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+)", text)
    if errors and any(map(int, errors.groups())):
        return [f"{name}: {errors[0]}"]
    return [] if "Requests/sec" in text else [f"{name} said: {text[:300]}"]


def _slow(
    server: Patient, name: str, flags: Sequence[str], image: Path, seconds: float
) -> list[str]:
    """While slow clients hold their connections, an ordinary one must be answered."""
    over = threading.Event()
    statuses: Counter[int] = Counter()
    asking = threading.Thread(target=_ask, args=(server, image, over, statuses))
    asking.start()
    path = "/docs-files/swagger-ui-bundle.js" if "-X" in flags else "/v1/predict"
    command = ["slowhttptest", "-c", str(SLOW_CONNECTIONS), "-l", f"{seconds:.0f}", "-p", "5"]
    try:
        text = _run([*command, *flags, "-u", server.url + path], seconds + 60, {})
    finally:
        over.set()
        asking.join()
    exits = re.findall(r"(?:closed|connected|error|pending):\s+\d+", text)[-4:]
    print(f"{name}: {', '.join(' '.join(e.split()) for e in exits)}; meanwhile {dict(statuses)}")
    wrong = {status: count for status, count in statuses.items() if status != 200}
    if wrong or not statuses:
        return [f"{name}: an ordinary client was answered {dict(statuses)}, expected only 200"]
    return []


def _ask(server: Patient, image: Path, over: threading.Event, statuses: Counter[int]) -> None:
    """An ordinary client, twice a second."""
    request = urllib.request.Request(
        server.url + "/v1/predict", image.read_bytes(), {"Content-Type": "image/png"}
    )
    while not over.wait(0.5):
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                statuses[answer.status] += 1
        except urllib.error.HTTPError as error:
            statuses[error.code] += 1
        except OSError:
            statuses[0] += 1


def _run(command: Sequence[str], limit_s: float, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=limit_s,
        env={**os.environ, **environment, "TERM": "dumb"},
        check=False,
    )
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", done.stdout + done.stderr)
