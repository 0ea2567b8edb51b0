"""`python -m server predict`: the served bundle on files, without HTTP."""

import time
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator
from pydantic_settings import CliApp, CliPositionalArg, NoDecode, SettingsConfigDict

from models.image.flow_wheel import colour_flow
from models.image.overlay import blend
from models.image.palette import colour_labels
from models.image.turbo import colour_depth
from models.runtime.predictor import Prediction, predict
from models.task import Task
from server.answers.contact_sheet import Row, as_cell, contact_sheet
from server.codecs.decode import DecodedImage, ImageLimits, decode_image
from server.codecs.png import write_png
from server.config import SETTINGS, EngineConfig
from server.errors import ClientError, Unusable
from server.loading.loaded_model import LoadedModel, load_model
from server.loading.memory import expected_bytes_per_px, max_pixels_in_memory

OVERLAY_OPACITY = 0.6

# pydantic-settings joins the values of a list with commas, and takes brackets and quotes in file
# names for JSON. So commas are put away before it parses, and brought back afterwards.
_COMMA = "\x1f"


class PredictCommand(EngineConfig):
    """Write coloured maps of images or pairs, and one sheet of them all."""

    model_config = SettingsConfigDict(
        **SETTINGS, cli_prog_name="python -m server predict", cli_shortcuts={"out": "o"}
    )

    files: Annotated[CliPositionalArg[list[str]], NoDecode] = Field(min_length=1)
    """Images, or pairs as first.png,second.png."""

    out: Path = Path("out")
    """Folder to write into; made if it is not there."""

    pairs: bool = False
    """The files are frames of one video: flow from each to the one after it."""

    @classmethod
    def from_arguments(cls, arguments: list[str]) -> "PredictCommand":
        """Parse what stands behind `predict` on the command line."""
        return CliApp.run(cls, cli_args=[text.replace(",", _COMMA) for text in arguments])

    @field_validator("files", mode="before")
    @classmethod
    def _split_files(cls, files: object) -> object:
        if not isinstance(files, str):
            return files
        return [file.replace(_COMMA, ",") for file in files.split(",")]

    @field_validator("bundle", "engine_cache", "out", mode="before")
    @classmethod
    def _restore_commas(cls, path: object) -> object:
        return path.replace(_COMMA, ",") if isinstance(path, str) else path

    def run(self) -> list[str]:
        """Predict and write; returns a line to show for each input.

        Raises:
            ServerError, BundleError, EngineError, OSError
        """
        jobs = self._jobs()
        for path in (path for job in jobs for path in job if path is not None):
            if path.is_dir() or not path.exists():  # told before the model loads
                what = "a folder" if path.is_dir() else "no such file"
                raise Unusable(f"{path}: {what}, expected an image: correct the name")
        model = load_model(self)
        # Once: an engine may keep the memory of a large image, in which the next one fits again.
        runtime = model.selection.runtime
        needed = expected_bytes_per_px(runtime.name, runtime.precisions.values())
        limits = ImageLimits(
            max_pixels=model.max_pixels,
            fitting_pixels=max_pixels_in_memory(needed),
            min_side_px=model.bundle.size_limits.min_side,
            max_side_px=model.bundle.size_limits.max_side,
        )
        self.out.mkdir(parents=True, exist_ok=True)
        lines, rows = [], []
        for index, (first, second) in enumerate(jobs):
            name = f"{index:03d}_{first.stem}"
            line, row = self._predict_one(model, limits, name, first, second)
            lines.append(line)
            rows.append(row)
        contact_sheet(rows).save(self.out / "sheet.png")
        return [*lines, f"{self.out / 'sheet.png'} shows them together"]

    def _jobs(self) -> list[tuple[Path, Path | None]]:
        if self.pairs:
            if len(self.files) < 2:
                raise Unusable(f"--pairs with {len(self.files)} file, expected two or more frames")
            return [(Path(first), Path(second)) for first, second in pairwise(self.files)]
        jobs: list[tuple[Path, Path | None]] = []
        for file in self.files:
            first, *others = file.split(",")
            if len(others) > 1:
                raise Unusable(f"{file} names {len(others) + 1} files, expected one or two")
            jobs.append((Path(first), Path(others[0]) if others else None))
        return jobs

    def _predict_one(
        self, model: LoadedModel, limits: ImageLimits, name: str, first: Path, second: Path | None
    ) -> tuple[str, Row]:
        image = _read(first, limits)
        next_image = None if second is None else _read(second, limits)
        if next_image is not None and next_image.size != image.size:
            raise Unusable(
                f"{first} is {image.size}, {second} is {next_image.size} (HxW), expected the same"
            )
        has_flow = next_image is not None and Task.FLOW in model.tasks
        started_s = time.monotonic()
        prediction = predict(
            model.selection.runtime,
            image.pixels,
            next_image.pixels if has_flow and next_image is not None else None,
        )
        seconds = time.monotonic() - started_s
        pictures = _pictures(image.pixels, prediction, model)
        for kind, picture in pictures.items():
            if picture is not None:
                (self.out / f"{name}_{kind}.png").write_bytes(write_png(picture))
        caption = str(first) if second is None else f"{first} -> {second}"
        size = f"{image.size[0]}x{image.size[1]} (HxW)"
        shown = (image.pixels, pictures["segmentation"], pictures["depth"], pictures["flow"])
        cells = tuple(None if picture is None else as_cell(picture) for picture in shown)
        return f"{caption}: {size}, {seconds:.2f} s", (f"{caption}  {size}", cells)


def _read(path: Path, limits: ImageLimits) -> DecodedImage:
    try:
        return decode_image(path.read_bytes(), limits=limits)
    except ClientError as error:
        raise Unusable(f"{path}: {error}") from error


def _pictures(
    image: NDArray[np.uint8], prediction: Prediction, model: LoadedModel
) -> dict[str, NDArray[np.uint8] | None]:
    segmentation = depth = flow = None
    if prediction.labels is not None:
        colours = colour_labels(prediction.labels, model.bundle.palette)
        segmentation = blend(image, colours, opacity=OVERLAY_OPACITY)
    if prediction.depth is not None and model.bundle.depth is not None:
        near_is_large = model.bundle.depth.near_is_large
        depth = colour_depth(prediction.depth, near_is_large=near_is_large)
    if prediction.flow is not None:
        flow = colour_flow(prediction.flow)
    return {"segmentation": segmentation, "depth": depth, "flow": flow}
