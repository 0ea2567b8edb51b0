"""What a frame of a stream costs beside a pair: the whole request, decoding and answer included.

CPU time of the server's process, so that a busy machine changes little. `make bench`.
"""

import re
import statistics
import urllib.request
import urllib.response

from rich.console import Console
from rich.table import Table

from tests.benchmarks.test_http import photograph, server

RUNS = 7
SIZES = ((270, 480), (720, 1280), (1080, 1920))
NPZ = {"Accept": "application/x-npz"}


def test_a_frame_beside_a_pair() -> None:
    table = Table(title=f"CPU seconds per request, median of {RUNS}")
    for column in ("size (HxW)", "pair", "frame of a stream", "frame / pair"):
        table.add_column(column)
    with server() as url:
        for height, width in SIZES:
            pair_s, frame_s = measure(url, height, width)
            ratio = f"{frame_s / pair_s:.2f}"
            table.add_row(f"{height}x{width}", f"{pair_s:.3f}", f"{frame_s:.3f}", ratio)
    Console(width=100).print(table)


def measure(url: str, height: int, width: int) -> tuple[float, float]:
    """Pairs and frames in turn; CPU seconds of one of each."""
    images = [photograph(height, width, 3 * n) for n in range(2)]
    stream = post(f"{url}/v1/streams", b"").headers["Location"]
    frames_url = f"{url}{stream}/frames"
    post(frames_url, images[0], **NPZ, **{"Content-Type": "image/jpeg"})
    form = b"".join(
        b"--x\r\nContent-Disposition: form-data; name=%b\r\n\r\n%b\r\n" % (name, image)
        for name, image in zip((b"image", b"next_image"), images, strict=True)
    )
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    pairs, frames = [], []
    for n in range(RUNS + 1):
        begun_s = cpu_s(url)
        post(f"{url}/v1/predict", form + b"--x--\r\n", **NPZ, **kind)
        between_s = cpu_s(url)
        post(frames_url, images[(n + 1) % 2], **NPZ, **{"Content-Type": "image/jpeg"})
        pairs.append(between_s - begun_s)
        frames.append(cpu_s(url) - between_s)
    return statistics.median(pairs[1:]), statistics.median(frames[1:])


def post(url: str, body: bytes, **headers: str) -> urllib.response.addinfourl:
    """The answer, read to its end."""
    request = urllib.request.Request(url, data=body, headers=headers)
    answer: urllib.response.addinfourl = urllib.request.urlopen(request, timeout=300)
    answer.read()
    return answer


def cpu_s(url: str) -> float:
    """Of the server so far."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as page:
        found = re.search(r"^anyres_process_cpu_seconds_total (\S+)", page.read().decode(), re.M)
    assert found is not None
    return float(found[1])
