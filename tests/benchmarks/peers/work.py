"""What every server of the comparison does with one image: decode, frame graph, encode.

The bundle, the engine, its threads, the decoder and the writer of the answer are the ones of
`python -m server` itself, so that the servers differ in nothing but serving. Maps are segmentation
and depth; flow needs a pair, for which the peers have no form of their own.

Run by the peers' environments: numpy, Pillow, both engines, what the codecs need, and no torch.
"""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.bundle_folder import read_bundle
from models.image.sizes import crop
from models.runtime.predictor import Prediction, predict
from models.runtime.select import select_runtime
from models.task import Task
from server.answers.encode import encode_result
from server.answers.form import Form
from server.answers.negotiation import Media
from server.answers.result import Result, image_info
from server.codecs.decode import DecodedImage, ImageLimits, decode_image

BUNDLE = "PEER_BUNDLE"
ENGINE = "PEER_ENGINE"
THREADS = "PEER_THREADS"
PORT = "PEER_PORT"
BATCH = "PEER_BATCH"
MEDIA_TYPE = Media.NPZ.value


class Work:
    """The bundle, loaded. Made once per process that runs the engine."""

    def __init__(self) -> None:
        folder = Path(os.environ[BUNDLE])
        self.bundle = read_bundle(folder)
        self._runtime = select_runtime(
            folder,
            self.bundle,
            engine=os.environ[ENGINE],
            threads=int(os.environ[THREADS]),
        ).runtime
        limits = self.bundle.size_limits
        self._limits = ImageLimits(max_pixels=50_000_000, max_side_px=limits.max_side)
        predict(self._runtime, np.zeros((64, 64, 3), np.uint8))  # as the server warms up

    def decode(self, data: bytes) -> DecodedImage:
        """An image file."""
        return decode_image(data, limits=self._limits)

    def infer(self, image: DecodedImage) -> Prediction:
        """One image through the engine."""
        return predict(self._runtime, image.pixels)

    def infer_many(self, images: list[DecodedImage]) -> list[Prediction]:
        """A batch as these servers' documentation stacks it: images of one size share one run."""
        alike: dict[tuple[int, int], list[int]] = {}
        for i, image in enumerate(images):
            alike.setdefault(image.size, []).append(i)
        found: dict[int, Prediction] = {}
        for size, which in alike.items():
            batch: NDArray[np.uint8] = np.stack([images[i].pixels for i in which])
            maps = self._runtime.frame(batch, np.array([size] * len(which), np.int64))
            for row, i in enumerate(which):
                found[i] = Prediction(
                    **{
                        name: None if values is None else crop(values[row], size)
                        for name, values in vars(maps).items()
                        if name != "features"
                    }
                )
        return [found[i] for i in range(len(images))]

    def encode(self, image: DecodedImage, prediction: Prediction) -> bytes:
        """An npz of the maps."""
        result = Result(
            bundle=self.bundle,
            tasks=(Task.SEGMENTATION, Task.DEPTH),
            image=image_info(image),
            next_image=None,
            prediction=prediction,
            decode_s=0.0,
            queue_s=0.0,
            infer_s=0.0,
        )
        return encode_result(result, Form(media=Media.NPZ)).body

    def whole(self, data: bytes) -> bytes:
        """File in, file out."""
        image = self.decode(data)
        return self.encode(image, self.infer(image))


def batch_size() -> int:
    """1 for a server's defaults; more asks for its documented batching."""
    return int(os.environ.get(BATCH, "1"))


def port() -> int:
    """Where to listen, on 127.0.0.1."""
    return int(os.environ[PORT])
