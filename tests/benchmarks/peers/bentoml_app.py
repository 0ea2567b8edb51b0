"""The bundle behind BentoML.

Choices: `@bentoml.service` and `bentoml serve` with their defaults (one worker, one thread for a
synchronous method, 60 s timeout). The image is the raw body (a root input of a file type, which
BentoML hands over as a path) and the answer raw bytes. Its adaptive batching takes arrays that
stack along an axis from a second service, pickled from process to process; encoded files, the
input here, do not stack. So it is measured with its defaults alone.
"""

from pathlib import Path
from typing import Annotated

import bentoml
from bentoml.validators import ContentType

from tests.benchmarks.peers.work import Work


@bentoml.service
class Maps:
    """One replica."""

    def __init__(self) -> None:
        self.work = Work()

    @bentoml.api(route="/v1/predict")  # type: ignore[untyped-decorator]
    def predict(
        self, image: Annotated[Path, ContentType("image/*")], /
    ) -> Annotated[bytes, ContentType("application/x-npz")]:
        """An image file in, an npz out."""
        return self.work.whole(image.read_bytes())
