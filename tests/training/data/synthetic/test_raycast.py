import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.synthetic.assembly import Assembly
from training.data.synthetic.atlas import Atlas
from training.data.synthetic.material import Material
from training.data.synthetic.raycast import cast
from training.data.synthetic.rays import pixel_rays, scattered_rays
from training.data.synthetic.solids import Solids
from training.data.synthetic.spans import Region, Spans
from training.data.synthetic.swatches.bank import bank_texels, first_layer
from training.data.synthetic.view import View, look

CPU = torch.device("cpu")
REGION = Region(top=0, left=0, rows=24, cols=32)
STONE = Material(layer=0)


def atlas() -> Atlas:
    return Atlas(bank=bank_texels(CPU), own=torch.zeros(0, dtype=torch.int32))


def jumble(seed: int) -> Solids:
    """Solids of every shape around the camera: before it, behind it, across its plane."""
    rng = np.random.default_rng(seed)
    assembly = Assembly()
    root = assembly.root()
    holes = first_layer("leaves")
    for _ in range(4):
        for kind in range(6):
            centre, size = rng.normal(0, 4, size=3).tolist(), rng.uniform(0.05, 3, size=3).tolist()
            turn = rng.uniform(0, 2 * math.pi, size=3).tolist()
            if kind == 0:
                root.box(centre, size, STONE, turn=turn)
            elif kind in (1, 2):
                root.ball(centre, size, STONE, turn=turn, holes=holes if kind == 2 else None)
            elif kind == 3:
                root.cone(centre, size, STONE, turn=turn, taper=float(rng.uniform(-0.3, 1)))
            else:
                root.quad(centre, size, STONE, turn=turn, holes=holes if kind == 5 else None)
    return assembly.solids()


def everywhere(solids: Solids, region: Region) -> Spans:
    """Spans that leave nothing out: every solid may be seen in every cell."""
    solid = np.repeat(np.arange(len(solids)), region.rows)
    row = np.tile(np.arange(region.rows), len(solids))
    return Spans(
        solid=solid,
        row=row,
        first=np.zeros_like(row),
        last=np.full_like(row, region.cols),
    )


def camera(*, parallel: bool) -> View:
    return View(
        rotation=look(yaw_rad=0.3, pitch_rad=-0.2, roll_rad=0.1),
        position=np.array([0.0, 0.0, -30.0 if parallel else -2.0]),
        focal_px=4.0 if parallel else 20.0,
        principal_px=(15.0, 13.0),
        parallel=parallel,
    )


@pytest.mark.parametrize("parallel", [False, True])
@settings(max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_spans_leave_no_solid_out(seed: int, parallel: bool) -> None:
    solids, view = jumble(seed), camera(parallel=parallel)
    rays = pixel_rays(view, REGION, CPU)
    found = cast(rays, view, solids, atlas())
    all_pairs = cast(rays, view, solids, atlas(), everywhere(solids, REGION))
    assert torch.equal(found.solid, all_pairs.solid)
    assert torch.equal(found.depth_m, all_pairs.depth_m)


def test_scattered_rays_meet_what_pixel_rays_meet() -> None:
    solids, view = jumble(3), camera(parallel=False)
    rays = pixel_rays(view, REGION, CPU)
    shuffled = torch.randperm(len(rays), generator=torch.Generator().manual_seed(0))
    px, py = view.principal_px
    x, y = rays.x[shuffled] * view.focal_px + px, rays.y[shuffled] * view.focal_px + py
    scattered, order = scattered_rays(view, x, y)
    hits = cast(scattered, view, solids, atlas())
    expected = cast(rays, view, solids, atlas()).solid[shuffled][order]
    # Positions went through pixels and back, so a ray at an edge may fall on its other side.
    assert (hits.solid == expected).float().mean() > 0.99


def test_depth_is_measured_along_the_optical_axis() -> None:
    assembly = Assembly()
    assembly.root().quad((0, 0, 5), (100, 100), STONE)
    view = View(
        rotation=look(yaw_rad=0.0), position=np.zeros(3), focal_px=20.0, principal_px=(16.0, 12.0)
    )
    hits = cast(pixel_rays(view, REGION, CPU), view, assembly.solids(), atlas())
    torch.testing.assert_close(hits.depth_m, torch.full_like(hits.depth_m, 5.0))


def test_the_nearer_of_two_solids_is_seen() -> None:
    assembly = Assembly()
    assembly.root().ball((0, 0, 9), (4, 4, 4), STONE)
    assembly.root().box((0, 0, 6), (20, 20, 1), STONE)
    solids = assembly.solids()
    view = View(
        rotation=look(yaw_rad=0.0), position=np.zeros(3), focal_px=20.0, principal_px=(16.0, 12.0)
    )
    hits = cast(pixel_rays(view, REGION, CPU), view, solids, atlas())
    assert set(hits.solid.tolist()) == {0}
    assert len(solids) == 2


def test_without_solids_nothing_is_met() -> None:
    view = camera(parallel=False)
    hits = cast(pixel_rays(view, REGION, CPU), view, Assembly().solids(), atlas())
    assert set(hits.solid.tolist()) == {-1}
    assert torch.isinf(hits.depth_m).all()
