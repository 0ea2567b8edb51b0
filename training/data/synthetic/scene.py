"""Rendering windows of a synthetic pair with exact ground truth.

Life of a call: a seed makes a world (street.py, indoor.py), a canvas makes views, each window is
cast and painted alone (painting.py), and its points are followed into frame 2 (truth.py).

Axes: n windows, h w pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from models.task import IGNORE_INDEX
from training.data.sample import Cut
from training.data.synthetic.indoor import build_indoor
from training.data.synthetic.painting import Painting, Stage, paint
from training.data.synthetic.solids import Solids
from training.data.synthetic.spans import Region
from training.data.synthetic.street import build_street
from training.data.synthetic.truth import find_occluded, follow
from training.data.synthetic.world import Pose, World, view_of

Kind = Literal["street", "indoor"]
Photographs = Sequence[NDArray[np.uint8]]


def render_scene(
    seed: int,
    *,
    kind: Kind,
    canvas: tuple[int, int],
    origins: Sequence[tuple[int, int]],
    window: tuple[int, int],
    next_origins: Sequence[tuple[int, int]] | None = None,
    next_window: tuple[int, int] | None = None,
    photographs: Photographs | None = None,
    device: str = "cpu",
) -> Cut:
    """Windows of a street or an indoor scene, as frame 1 and frame 2 of a moving camera show it.

    Args:
        seed: the scene, its light and both cameras. The same everywhere; the canvas's aspect ratio
            and resolution only choose how much of it is seen and how finely.
        canvas: (height, width) in px of the image that the windows are cut from.
        origins: top-left corner (y, x) of each window of frame 1.
        window: (height, width) in px.
        next_origins: the same for frame 2; None = `origins`.
        next_window: (height, width) in px of frame 2's windows; None = `window`.
        photographs: (h, w, 3) uint8 RGB each, patches of which become textures (posters, walls).
        device: where to cast and shade. Results on a GPU agree to rounding.

    Returns:
        Colours without noise, blur or compression. Indoors no pixel has a class.

    Raises:
        ValueError: an unknown kind, no window, or counts that differ.
    """
    after = list(origins if next_origins is None else next_origins)
    if kind not in ("street", "indoor"):
        raise ValueError(f"kind is {kind!r}, expected 'street' or 'indoor'")
    if len(after) != len(origins) or len(origins) == 0:
        raise ValueError(
            f"{len(origins)} origins and {len(after)} next_origins, expected as many of both, "
            f"at least one: give each window of frame 1 its window in frame 2"
        )
    build = build_street if kind == "street" else build_indoor
    world = build(seed, photographs=photographs or (), device=torch.device(device))
    return render(
        world,
        name=f"{kind}-{seed}",
        canvas=canvas,
        origins=origins,
        window=window,
        next_origins=after,
        next_window=next_window,
    )


def render(
    world: World,
    *,
    name: str,
    canvas: tuple[int, int],
    origins: Sequence[tuple[int, int]],
    window: tuple[int, int],
    next_origins: Sequence[tuple[int, int]],
    next_window: tuple[int, int] | None = None,
) -> Cut:
    """Windows of a scene that is already built; arguments as in `render_scene`."""
    device = world.materials.device
    stage = _stage(world, world.solids, world.pose, canvas)
    next_stage = _stage(world, world.solids.moved(world.motions), world.next_pose, canvas)
    after = next_window or window
    truths, next_images = [], []
    with torch.no_grad():
        for origin, next_origin in zip(origins, next_origins, strict=True):
            painting = paint(stage, _region(origin, window), device)
            truths.append(_truth(painting, stage, next_stage, world, canvas, window))
            next_painting = paint(next_stage, _region(next_origin, after), device)
            next_images.append(_image(next_painting, after))
    return Cut(
        name=name,
        canvas=canvas,
        origins=np.array(origins, dtype=np.int64).reshape(-1, 2),
        image=np.stack([truth.image for truth in truths]),
        next_origins=np.array(next_origins, dtype=np.int64).reshape(-1, 2),
        next_image=np.stack(next_images),
        labels=np.stack([truth.labels for truth in truths]),
        inverse_depth=np.stack([truth.inverse_depth for truth in truths]),
        flow=np.stack([truth.flow for truth in truths]),
        occluded=np.stack([truth.occluded for truth in truths]),
    )


@dataclass(frozen=True, kw_only=True)
class _Truth:
    """One window of frame 1, arrays as in Sample."""

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    inverse_depth: NDArray[np.float32]
    flow: NDArray[np.float32]
    occluded: NDArray[np.bool_]


def _truth(
    painting: Painting,
    stage: Stage,
    next_stage: Stage,
    world: World,
    canvas: tuple[int, int],
    window: tuple[int, int],
) -> _Truth:
    device = painting.depth_m.device
    # One more entry at the end, which index -1, the sky, picks.
    label = np.append(world.solids.label, 0 if world.light.sky else IGNORE_INDEX)
    body = np.append(world.solids.body, 0)
    labels = torch.from_numpy(label.astype(np.uint8)).to(device)[painting.solid]
    rays, view = painting.rays, stage.view
    x, y, next_depth = follow(
        x=rays.x,
        y=rays.y,
        depth_m=painting.depth_m,
        body=torch.from_numpy(body).to(device)[painting.solid],
        view=view,
        next_view=next_stage.view,
        motions=world.motions,
    )
    occluded = find_occluded(
        x_px=x,
        y_px=y,
        depth_m=next_depth,
        canvas=canvas,
        next_view=next_stage.view,
        next_solids=next_stage.solids,
        atlas=world.atlas,
    )
    px, py = view.principal_px
    u = x - (rays.x.double() * view.focal_px + px)
    v = y - (rays.y.double() * view.focal_px + py)
    return _Truth(
        image=_image(painting, window),
        labels=labels.view(window).cpu().numpy(),
        inverse_depth=painting.depth_m.reciprocal().view(window).cpu().numpy(),
        flow=torch.stack([u, v], -1).float().view(*window, 2).cpu().numpy(),
        occluded=occluded.view(window).cpu().numpy(),
    )


def _stage(world: World, solids: Solids, pose: Pose, canvas: tuple[int, int]) -> Stage:
    return Stage(
        view=view_of(pose, world.lens, canvas),
        solids=solids,
        casters=solids.shadow_casters(),
        materials=world.materials,
        light=world.light,
        atlas=world.atlas,
    )


def _region(origin: tuple[int, int], window: tuple[int, int]) -> Region:
    return Region(top=int(origin[0]), left=int(origin[1]), rows=window[0], cols=window[1])


def _image(painting: Painting, window: tuple[int, int]) -> NDArray[np.uint8]:
    image: NDArray[np.uint8] = (
        painting.colour.add(0.5).clamp_(0, 255).to(torch.uint8).view(*window, 3).cpu().numpy()
    )
    return image
