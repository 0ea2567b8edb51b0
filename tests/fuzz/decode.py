"""Feed the decoder with images that atheris breaks, guided by what they reach. Bounded in time.

    pip install -e ".[fuzz]" -c constraints.txt
    python -m tests.fuzz.decode --seconds 60

Ends with 0 if nothing but an image or a documented error came out; else atheris writes the bytes
that broke it to crash-* and the traceback tells where.
"""

import argparse
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["server.codecs", "PIL"]):
    from tests.fuzz.images import check, corpus, with_checksums


def one_input(data: bytes) -> None:
    """Both as it is and with its checksums put right."""
    check(data)
    check(with_checksums(data))


def main() -> None:
    """Parse, write the corpus where atheris can find it, run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("error")  # a warning is a line in the log that strangers write
    with tempfile.TemporaryDirectory() as folder:
        for index, data in enumerate(corpus()):
            (Path(folder) / f"{index:02d}").write_bytes(data)
        limits = [f"-max_total_time={options.seconds}", "-timeout=20", "-rss_limit_mb=2048"]
        arguments = [*limits, f"-seed={options.seed}", "-max_len=20000", folder]
        atheris.Setup([sys.argv[0], *arguments], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
