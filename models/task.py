"""The three tasks: what is predicted, in which unit, and how "no value" is written. No torch."""

from enum import StrEnum


class Task(StrEnum):
    """A dense prediction: one value per pixel of the image."""

    SEGMENTATION = "segmentation"
    DEPTH = "depth"
    FLOW = "flow"


IGNORE_INDEX = 255
"""A label that is not counted: void in data sets, no class in answers."""

CLASS_NAMES: tuple[str, ...] = (
    "sky",
    "building",
    "pole",
    "road",
    "pavement",
    "tree",
    "sign",
    "fence",
    "car",
    "pedestrian",
    "bicyclist",
)
"""The 11 classes of CamVid (Brostow et al. 2009, as grouped by SegNet), in label order."""
