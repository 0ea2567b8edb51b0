"""Feed what strangers may send with bytes that atheris breaks, guided by what they reach.

    pip install -e ".[fuzz]" -c constraints.txt
    python -m tests.fuzz images --seconds 60       or forms, tensors, manifests

Bounded in time. Ends with 0 if nothing but an answer or a documented error came out; else atheris
writes the bytes that broke it to crash-* and the traceback tells where.
"""

import argparse
import sys
import tempfile
import warnings
from importlib import import_module
from pathlib import Path

import atheris

TARGETS = {
    "images": ("server.codecs", "PIL"),
    "forms": ("server.http.multipart", "python_multipart"),
    "tensors": ("server.kserve",),
    "manifests": ("models.bundle", "models.bundle_folder", "models.record", "json"),
}
"""And what each is guided by."""


def main() -> None:
    """Parse, write the corpus where atheris can find it, run."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("error")  # a warning is a line in the log that strangers write
    with atheris.instrument_imports(include=list(TARGETS[options.target])):
        target = import_module(f"tests.fuzz.{options.target}")
    with tempfile.TemporaryDirectory() as folder:
        for index, data in enumerate(target.corpus()):
            (Path(folder) / f"{index:02d}").write_bytes(data)
        limits = [f"-max_total_time={options.seconds}", "-timeout=20", "-rss_limit_mb=2048"]
        arguments = [*limits, f"-seed={options.seed}", "-max_len=20000", folder]
        atheris.Setup([sys.argv[0], *arguments], target.check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
