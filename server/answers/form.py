"""In which form an answer is wanted, and which forms there are not."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from models.bundle import Bundle
from models.task import Task
from server.answers.depth_choice import DepthChoice, choose_depth
from server.answers.negotiation import Media
from server.codecs.raw_arrays import Dtype
from server.errors import Unusable


class Render(StrEnum):
    """What a picture of a map shows."""

    DATA = "data"
    """Numbers to compute with."""
    COLOR = "color"
    """Colours to look at."""
    OVERLAY = "overlay"
    """Colours laid over the image."""


ARRAYS = (Media.NPZ, Media.MULTIPART)


@dataclass(frozen=True, kw_only=True)
class Form:
    """What the client asked for, as it asked."""

    media: Media
    render: Render | None = None
    """None: numbers, but colours in a JPEG."""
    inline: bool = False
    uncertainty: bool | None = None
    """Maps of confidence and uncertainty; None: among arrays, not among PNGs."""
    dtype: Dtype | None = None
    """Of depth and flow as arrays; None: float16 in multipart, float32 in npz."""
    depth: DepthChoice | None = None
    """None: as the model has it."""

    @property
    def shown(self) -> Render:
        """What its pictures show."""
        if self.render is not None:
            return self.render
        return Render.COLOR if self.media is Media.JPEG else Render.DATA

    @property
    def has_uncertainty(self) -> bool:
        return self.media in ARRAYS if self.uncertainty is None else self.uncertainty

    @property
    def array_dtype(self) -> Dtype:
        if self.dtype is not None:
            return self.dtype
        return Dtype.FLOAT16 if self.media is Media.MULTIPART else Dtype.FLOAT32


def check_form(form: Form, tasks: Sequence[Task], bundle: Bundle) -> None:
    """Refuse a form that cannot hold what was asked for, before anything is computed.

    Raises:
        Unusable
    """
    media, shown = form.media, form.shown
    if media is Media.PNG and shown is Render.DATA and len(tasks) != 1:
        raise Unusable(
            f"a data PNG holds one map, {len(tasks)} were asked for ({', '.join(tasks)}): choose "
            f"with tasks=depth, ask for {Media.ZIP}, or add render=color for a picture"
        )
    if media is Media.JPEG and shown is Render.DATA:
        numbers = ", ".join(one for one in Media if one is not Media.JPEG)
        raise Unusable(
            f"render=data asks for numbers, which {media} would change: ask for one of {numbers}, "
            f"or for a picture with render=color or render=overlay"
        )
    if media in ARRAYS and shown is not Render.DATA:
        raise Unusable(f"{media} holds numbers, not colours: leave render={form.render} out")
    if form.inline and media is not Media.JSON:
        raise Unusable(f"inline=true puts PNGs into {Media.JSON}, {media} was asked for: drop it")
    if form.dtype is not None and media not in ARRAYS:
        raise Unusable(
            f"dtype={form.dtype} is for arrays ({', '.join(ARRAYS)}), {media} was asked for: drop "
            f"it, or ask for one of these"
        )
    many_maps = media is Media.ZIP or media in ARRAYS or form.inline
    if form.uncertainty and not (many_maps and shown is Render.DATA):
        raise Unusable(
            f"uncertainty=true adds maps of numbers, {media} with render={shown} and inline="
            f"{str(form.inline).lower()} has no place for them: ask for {', '.join(ARRAYS)} or "
            f"{Media.ZIP}"
        )
    if Task.DEPTH in tasks and bundle.depth is not None:
        choose_depth(form.depth, bundle.depth, name=bundle.name)
