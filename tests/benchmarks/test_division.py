"""Two images at once, a thread each, beside one after the other with both threads.

    JAXTYPING_DISABLE=1 pytest tests/benchmarks/test_division.py -s

Ways take turns, round after round: what else the machine does hits both.
"""

import statistics
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from models.bundle_folder import read_bundle
from models.runtime.predictor import predict
from models.runtime.protocol import Divisible, Runtime
from models.runtime.select import select_runtime

BUNDLE = Path("models/bundles/street")
SIZES = ((64, 64), (135, 240), (270, 480), (540, 960), (1080, 1920))
AT_ONCE = 2
ROUNDS = 3
SECONDS = 3.0


def test_images_at_once_beside_one_after_the_other() -> None:
    bundle = read_bundle(BUNDLE)
    whole = select_runtime(BUNDLE, bundle, threads=AT_ONCE)
    assert isinstance(whole.runtime, Divisible), f"{whole.reason}: nothing to divide"
    shares = [whole.runtime.share(1) for _ in range(AT_ONCE)]
    table = Table(title=f"{AT_ONCE} threads: per second; CPU seconds of one; medians of {ROUNDS}")
    for column in ("size (HxW)", "asked", "one by one", "CPU", "at once", "CPU", "times faster"):
        table.add_column(column)
    for height, width in SIZES:
        image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        for asked, following in (("image", None), ("pair", np.roll(image, 3, axis=1))):
            rounds = [
                (
                    measure([whole.runtime], image, following),
                    measure(shares, image, following),
                )
                for _ in range(ROUNDS)
            ]
            one, many = (
                [statistics.median(found[way][of] for found in rounds) for of in range(2)]
                for way in range(2)
            )
            table.add_row(
                f"{height}x{width}",
                asked,
                f"{one[0]:.2f}",
                f"{one[1]:.3f}",
                f"{many[0]:.2f}",
                f"{many[1]:.3f}",
                f"{statistics.median(b[0] / a[0] for a, b in rounds):.2f}",
            )
    Console(width=110).print(table)


def measure(
    runtimes: Sequence[Runtime],
    image: NDArray[np.uint8],
    following: NDArray[np.uint8] | None,
) -> tuple[float, float]:
    """Answers per second, all runtimes at once, and CPU seconds of one."""
    for runtime in runtimes:
        predict(runtime, image, following)
    counts = [0] * len(runtimes)
    begun_s, cpu_s = time.monotonic(), time.process_time()

    def ask(slot: int) -> None:
        while time.monotonic() - begun_s < SECONDS:
            predict(runtimes[slot], image, following)
            counts[slot] += 1

    threads = [threading.Thread(target=ask, args=(slot,)) for slot in range(len(runtimes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall_s = time.monotonic() - begun_s
    return sum(counts) / wall_s, (time.process_time() - cpu_s) / sum(counts)
