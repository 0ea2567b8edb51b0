"""Everything that is known about one answered request, before it takes the form of bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.image.flow_wheel import colour_flow
from models.image.overlay import blend
from models.image.palette import colour_labels
from models.image.turbo import colour_depth
from models.runtime.predictor import Prediction
from models.task import IGNORE_INDEX, Task
from server.answers.depth_choice import DepthChoice, choose_depth, invert_depth
from server.answers.schemas import ImageInfo, StreamFrame
from server.codecs.decode import DecodedImage
from server.codecs.dense_map import (
    DenseMap,
    confidence_map,
    depth_map,
    flow_map,
    known_pixels,
    labels_map,
    uncertainty_map,
)

OVERLAY_OPACITY = 0.6


@dataclass(frozen=True, kw_only=True)
class Result:
    """Maps and where they come from."""

    bundle: Bundle
    tasks: tuple[Task, ...]
    """That were asked for and are there."""
    image: ImageInfo
    next_image: ImageInfo | None
    prediction: Prediction
    decode_s: float
    queue_s: float
    infer_s: float
    stream: StreamFrame | None = None
    pixels: NDArray[np.uint8] | None = None
    """(h, w, 3) of the image, for overlays."""
    depth: DepthChoice | None = None
    """`check_form` has let it through."""
    repeat: Mapping[str, str] | None = None
    """The query that gives the same maps for the same images, apart from tasks; for links. None
    where they cannot be asked for again, as in a stream."""

    @property
    def meta(self) -> dict[str, object]:
        """What every payload says about itself."""
        stream = {} if self.stream is None else {"stream": self.stream.model_dump(mode="json")}
        return {
            **stream,
            "model": {"name": self.bundle.name, "version": self.bundle.version},
            "image": self.image.model_dump(mode="json"),
            "next_image": None
            if self.next_image is None
            else self.next_image.model_dump(mode="json"),
            "warnings": self.warnings,
        }

    @property
    def warnings(self) -> list[str]:
        """Maps that are well formed and yet suspicious, one sentence each."""
        sentences = []
        for task, reason in self.oddities:
            dense = self.map(task)
            num_pixels = dense.values.shape[0] * dense.values.shape[1]
            if reason == "unknown":
                count = f"{dense.range.num_unknown} of {num_pixels} pixels"
                sentences.append(f"{dense.name}: {count} have no value")
            else:
                sentences.append(f"{dense.name}: all pixels have the same value")
        return sentences

    @property
    def oddities(self) -> list[tuple[Task, str]]:
        """(task, "unknown" or "constant")."""
        reasons = [(task, self.map(task).oddity) for task in self.tasks]
        return [(task, reason) for task, reason in reasons if reason is not None]

    def map(self, task: Task) -> DenseMap:
        """The map of a task."""
        return self._maps[task][0]

    def beside(self, task: Task) -> DenseMap | None:
        """The confidence or uncertainty of a task's map, where the model gives it."""
        return next(iter(self._maps[task][1:]), None)

    def maps(self, *, uncertainty: bool) -> list[DenseMap]:
        """Of every task, each followed by its confidence or uncertainty if wanted and there."""
        return [
            dense
            for task in self.tasks
            for dense in (self._maps[task] if uncertainty else self._maps[task][:1])
        ]

    @cached_property
    def _maps(self) -> dict[Task, list[DenseMap]]:
        prediction, found = self.prediction, {}
        if Task.SEGMENTATION in self.tasks:
            assert prediction.labels is not None  # `tasks` has segmentation
            found[Task.SEGMENTATION] = [labels_map(prediction.labels, self.bundle)]
            if prediction.label_confidence is not None:
                found[Task.SEGMENTATION].append(confidence_map(prediction.label_confidence))
        if Task.DEPTH in self.tasks:
            found[Task.DEPTH] = self._depth_maps()
        if Task.FLOW in self.tasks:
            assert prediction.flow is not None
            flow = flow_map(prediction.flow)
            found[Task.FLOW] = [flow]
            if prediction.flow_uncertainty is not None:
                found[Task.FLOW].append(uncertainty_map(prediction.flow_uncertainty, of=flow))
        return found

    def _depth_maps(self) -> list[DenseMap]:
        own = self.bundle.depth
        depth, uncertainty = self.prediction.depth, self.prediction.depth_uncertainty
        assert own is not None  # read_bundle checked it
        assert depth is not None
        output = choose_depth(self.depth, own, name=self.bundle.name)
        if output.convention != own.convention:
            depth, uncertainty = invert_depth(depth, uncertainty)
        dense = depth_map(depth, output)
        return [dense] if uncertainty is None else [dense, uncertainty_map(uncertainty, of=dense)]

    def picture(self, task: Task) -> NDArray[np.uint8]:
        """One map in colours, (h, w, 3) RGB."""
        dense = self.map(task)
        if task is Task.SEGMENTATION:
            return colour_labels(dense.values, self.bundle.palette)
        if task is Task.DEPTH:
            return colour_depth(dense.values, near_is_large=dense.words["near_is_large"] is True)
        return colour_flow(dense.values)

    def overlay(self, task: Task) -> NDArray[np.uint8]:
        """One map in colours over the image; where it has no value the image shows as it is."""
        assert self.pixels is not None  # the pipeline keeps them where an overlay is wanted
        dense, picture = self.map(task), self.picture(task)
        mixed = blend(self.pixels, picture, opacity=OVERLAY_OPACITY)
        if dense.range.num_unknown:
            is_labels = dense.name == "labels"
            values = dense.values
            unknown = values == IGNORE_INDEX if is_labels else ~known_pixels(values)
            mixed[unknown] = self.pixels[unknown]
        return mixed


def image_info(image: DecodedImage) -> ImageInfo:
    """A decoded image without its pixels."""
    return ImageInfo(
        format=image.format,
        stored_size=image.stored_size,
        size=image.size,
        exif_orientation=image.exif_orientation,
    )
