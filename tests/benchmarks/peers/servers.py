"""Starts each server of the comparison on a free port, peers in environments of their own."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from server.bench.pictures import Picture
from tests.benchmarks.peers.household import TOKEN, end, level

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
OURS = "anyres"
PEERS = ("litserve", "bentoml", "ray")
BATCHING = ("litserve", "ray")  # why not bentoml: see its file
START_S = 180.0
STOP_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Server:
    """One that runs."""

    url: str
    token: str
    """See tests.benchmarks.peers.household."""


class NotRunning(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """A server that cannot be measured, and why."""


def install(peer: str, folder: Path) -> None:
    """A virtual environment with the peer, if it is not there.

    Raises:
        NotRunning
    """
    home = folder / peer
    done = home / "installed"
    if done.exists():
        return
    venv.create(home, with_pip=True, clear=True)
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    pip += ["--disable-pip-version-check", "-r", str(HERE / f"requirements-{peer}.txt")]
    result = subprocess.run(pip, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise NotRunning(f"{peer} does not install: {_last(result.stderr)}")
    done.touch()


def command(
    name: str, folder: Path, *, bundle: Path, engine: str, threads: int, port: int
) -> list[str]:
    """What starts a server."""
    python = str(folder / name / "bin" / "python")
    if name == OURS:
        flags = ["--bundle", str(bundle), "--engine", engine]
        flags += ["--threads", str(threads), "--port", str(port)]
        return [sys.executable, "-m", "server", *flags]
    if name == "bentoml":
        app = "tests.benchmarks.peers.bentoml_app:Maps"
        return [python, "-m", "bentoml", "serve", app, "--host", "127.0.0.1", "--port", str(port)]
    return [python, "-m", f"tests.benchmarks.peers.{name}_app"]


@contextmanager
def running(
    name: str,
    folder: Path,
    *,
    bundle: Path,
    engine: str,
    threads: int,
    batch: int,
    probe: Picture,
) -> Iterator[Server]:
    """A server that has answered a first image.

    Raises:
        NotRunning: with the last line of its log.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / f"{name}.log"
    token = uuid.uuid4().hex
    environment = {
        **{k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"},
        "PYTHONPATH": str(ROOT),
        "PEER_BUNDLE": str(bundle),
        "PEER_ENGINE": engine,
        "PEER_THREADS": str(threads),
        "PEER_PORT": str(port),
        TOKEN: token,
        "PEER_BATCH": str(batch),
        "BENTOML_DO_NOT_TRACK": "True",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            command(name, folder, bundle=bundle, engine=engine, threads=threads, port=port),
            cwd=ROOT,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(name, process, url, log, probe, token)
        yield Server(url=url, token=token)
    finally:
        end(token, patience_s=STOP_S)
        process.wait()


def _wait(
    name: str,
    process: "subprocess.Popen[bytes]",
    url: str,
    log: Path,
    probe: Picture,
    token: str,
) -> None:
    end_s = time.monotonic() + START_S
    reason = "no answer"
    while time.monotonic() < end_s and process.poll() is None:
        level(token)
        headers = {"Content-Type": probe.media_type, "Accept": "application/x-npz"}
        request = urllib.request.Request(f"{url}/v1/predict", probe.data, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                if answer.read(2) == b"PK":  # an npz is a zip
                    level(token)
                    return
                reason = "the answer is no npz"
        except urllib.error.HTTPError as error:
            reason = f"status {error.code}"
        except OSError:
            pass
        time.sleep(0.5)
    raise NotRunning(f"{name} does not run here ({reason}); {log} ends with: {_last(log)}")


def _last(text: str | Path) -> str:
    if isinstance(text, Path):
        text = text.read_text(encoding="utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-2:])[:300]
