"""Loading an engine reports to nobody and forks nothing."""

import subprocess
import sys
from pathlib import Path

from tests.need import need

LOAD = """
import multiprocessing, os, sys
from pathlib import Path

told = []
multiprocessing.Process.start = lambda self: told.append(self)
os.register_at_fork(before=lambda: told.append("fork"))
from models.bundle_folder import read_bundle
from models.runtime.openvino import cpu_has_bf16
from models.runtime.select import select_runtime

folder = Path(sys.argv[1])
cpu_has_bf16()
select_runtime(folder, read_bundle(folder), engine="openvino", threads=1, precision="f32")
assert not told, told
import openvino_telemetry  # who wants it still has it

assert openvino_telemetry.Telemetry is not None
from openvino.tools.ovc.telemetry_utils import tm

print(tm.__name__)
"""


def test_openvino_is_loaded_without_its_telemetry(folder: Path, tmp_path: Path) -> None:
    need("openvino")
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.stdout == "openvino.tools.ovc.telemetry_stub\n", done.stderr
    assert list(tmp_path.iterdir()) == []  # no folder for an identity either
