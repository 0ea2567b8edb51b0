"""What an engine leaves behind in the thread that loads it does no harm."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import NoReturn

import pytest

from models.runtime.passing_thread import in_passing_thread
from tests.need import need

AFTER_TWO_ENGINES = """
import os, signal, sys
from pathlib import Path
from models.bundle_folder import read_bundle
from models.runtime.openvino import OpenVino

folder = Path(sys.argv[1])
bundle = read_bundle(folder)
precisions = dict.fromkeys(bundle.graphs, "f32")
first = OpenVino.load(folder, bundle, threads=1, precisions=precisions)
second = first.share(1)
del first
del second
signal.signal(signal.SIGCHLD, lambda *_: print("heard"))
os.kill(os.getpid(), signal.SIGCHLD)
"""


def test_signals_are_heard_after_engines_have_come_and_gone(folder: Path) -> None:
    need("openvino")
    command = [sys.executable, "-c", AFTER_TWO_ENGINES, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


def test_the_thread_is_another_and_ends() -> None:
    thread = in_passing_thread(threading.current_thread)
    assert thread is not threading.current_thread()
    assert not thread.is_alive()


@pytest.mark.parametrize("error", [ValueError, SystemExit])
def test_what_it_raises_comes_back(error: type[BaseException]) -> None:
    def fail() -> NoReturn:
        raise error("no engine")

    with pytest.raises(error, match="no engine"):
        in_passing_thread(fail)
