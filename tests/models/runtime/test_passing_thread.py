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
load = lambda: OpenVino.load(folder, bundle, threads=1, precisions=precisions)
whole = load()
make = {"load": load, "share": lambda: whole.share(1)}[sys.argv[2]]
first, second = make(), make()
del first
del second
signal.signal(signal.SIGCHLD, lambda *_: print("heard"))
os.kill(os.getpid(), signal.SIGCHLD)
"""


@pytest.mark.parametrize("way", ["load", "share"])
def test_signals_are_heard_after_engines_have_come_and_gone(folder: Path, way: str) -> None:
    need("openvino")
    command = [sys.executable, "-c", AFTER_TWO_ENGINES, str(folder), way]
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


AFTER_A_FAILURE = """
import gc, weakref
from models.runtime.passing_thread import in_passing_thread

class Loaded:
    pass

left = []

def fail():
    loaded = Loaded()
    left.append(weakref.ref(loaded))
    raise ValueError("no engine")

gc.disable()
try:
    in_passing_thread(fail)
except ValueError:
    pass
assert left[0]() is None
"""


def test_what_it_had_loaded_before_it_failed_is_let_go_of() -> None:
    # In a process of its own: the tests' checks of types hold arguments of what has failed.
    subprocess.run([sys.executable, "-c", AFTER_A_FAILURE], check=True, timeout=60)
