"""A server of our own to measure: `python -m server` on a free port of this machine."""

import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from server.errors import ServerError

START_S = 180.0  # a large bundle is compiled for its engine first
STOP_S = 60.0
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


@contextmanager
def local_server(flags: Sequence[str]) -> Iterator[str]:
    """Its URL while it runs. It takes ANYRES_* variables as every server does.

    Raises:
        ServerError: it ended, or is not ready in time; with its last words.
    """
    command = [sys.executable, "-m", "server", "--host", "127.0.0.1", "--port", "0", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    words = _LastWords(process)
    try:
        yield _wait_until_ready(process, words)
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        words.join()


class _LastWords(threading.Thread):
    """Reads what a process prints, so that its pipe never fills; keeps the end, and its port."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        super().__init__(name="server output", daemon=True)
        self.port = 0
        self.lines: deque[str] = deque(maxlen=20)
        self._process = process
        self.start()

    def run(self) -> None:
        """Until the process ends."""
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            for line in pipe:
                self.lines.append(line)
                found = _ADDRESS.search(line)
                if found and not self.port:
                    self.port = int(found[1])


def _wait_until_ready(process: "subprocess.Popen[str]", words: _LastWords) -> str:
    end_s = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < end_s:
        url = f"http://127.0.0.1:{words.port}"
        if words.port:
            try:
                urllib.request.urlopen(f"{url}/readyz", timeout=2).close()
                return url
            except (urllib.error.URLError, OSError):
                pass
        time.sleep(0.05)
    code = process.poll()
    what = f"is not ready after {START_S:g} s" if code is None else f"ended with code {code}"
    raise ServerError(f"the server to measure {what}; it said:\n{''.join(words.lines)}")
