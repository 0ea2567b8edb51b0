"""Which data sets score a run: the held-out parts of those that it was trained on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.data.catalog import CATALOG

HELD_OUT = {"train": ("val", "test"), "training": ("validation",)}
"""What the part beside the one that was trained on is called; the first that is there counts."""


def held_out(spec: str) -> str | None:
    """The held-out part of a data set of the catalogue; None where there is none.

    >>> held_out("cityscapes:train"), held_out("nyuv2:train@/data"), held_out("sintel:clean")
    ('cityscapes:val', 'nyuv2:test@/data', None)
    """
    name, _, rest = spec.partition(":")
    if name == "folder":
        path = Path(rest).expanduser()
        for other in HELD_OUT.get(path.name, ()):
            if (path.parent / other / "images").is_dir():
                return f"folder:{path.parent / other}"
        return None
    kind, at, place = rest.partition("@")
    kinds = CATALOG[name].kinds if name in CATALOG else ()
    for other in HELD_OUT.get(kind, ()):
        if other in kinds:
            return f"{name}:{other}{at}{place}"
    return None


def held_out_of(recipe: Mapping[str, Any]) -> tuple[tuple[str, str | None], ...]:
    """(spec, its held-out part) of the data sets of a recipe, as recipe.json holds it.

    Those of the usual evaluation are left out: it scores them anyhow.
    """
    data = recipe.get("data", {})
    specs: list[str] = []
    for kind, count in (
        ("labelled", "images_per_step"),
        ("depth", "depth_images_per_step"),
        ("pairs", "real_pairs_per_step"),
    ):
        named: Sequence[str] = data.get(kind, ())
        specs += named if data.get(count, 1) else ()
    return tuple((spec, held_out(spec)) for spec in dict.fromkeys(specs) if spec != "camvid:train")
