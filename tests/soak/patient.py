"""The other end of tests.soak.child: starts it, hurts it, asks how it is."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
START_S = 300.0  # on a machine that others use as well
STOP_S = 30.0
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


@dataclass(frozen=True, kw_only=True)
class State:
    """How a server is."""

    rss_bytes: int
    """Resident, after garbage was collected and the heap trimmed."""
    num_threads: int
    num_files: int
    done: dict[str, int]
    """Faults that have struck."""


class Patient:
    """A running server of the soak."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path, port: int) -> None:
        self.log = log
        self.port = port
        self._process = process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def state(self) -> State:
        """Ask it."""
        return State(**self.command("state"))

    def command(self, line: str) -> dict[str, Any]:
        """One command of tests.soak.child."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the server has ended; its log ends with:\n{tail(self.log)}")
        found: dict[str, Any] = json.loads(answer)
        return found

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a page; status 0 if there is no answer within five seconds."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return int(answer.status), answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, repr(error)

    def metric(self, name: str) -> float:
        """The sum over the labels of a metric; NaN if it is not there."""
        _, text = self.get("/metrics")
        found = re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", text, flags=re.MULTILINE)
        return sum(map(float, found)) if found else float("nan")

    def stop(self) -> int:
        """SIGTERM; the exit code, which is 0 after an orderly end."""
        self._process.terminate()
        try:
            return self._process.wait(STOP_S)
        finally:
            self._process.kill()


ENGINE_FLAGS = {"onnxruntime": ("--threads", "1"), "openvino": ("--precision", "f32")}


@contextmanager
def patient(
    bundle: Path, log: Path, flags: Sequence[str] = (), *, engine: str = "onnxruntime"
) -> Iterator[Patient]:
    """A server with a hook, for as long as it is needed. It computes in float32: what the truth is
    compared with."""
    command = [sys.executable, "-m", "tests.soak.child", "--bundle", str(bundle), "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [*command, "--engine", engine, *ENGINE_FLAGS[engine], *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            env=environment,
            cwd=ROOT,
        )
    with process:
        try:
            yield _ready(process, log)
        finally:
            process.kill()


def tail(log: Path, num_lines: int = 20) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(encoding="utf-8").splitlines()[-num_lines:])


def _ready(process: "subprocess.Popen[str]", log: Path) -> Patient:
    end_s = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < end_s:
        found = _ADDRESS.search(log.read_text(encoding="utf-8"))
        if found:
            ready = Patient(process, log, int(found[1]))
            if ready.get("/readyz")[0] == 200:
                return ready
        time.sleep(0.05)
    raise TimeoutError(f"the server of the soak is not ready; its log ends with:\n{tail(log)}")
