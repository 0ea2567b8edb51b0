"""Scenes small enough to know the answer by hand, and brute force for the rest."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from training.data.sample import Cut
from training.data.synthetic.assembly import Assembly
from training.data.synthetic.daylight import daylight
from training.data.synthetic.indoor import build_indoor
from training.data.synthetic.material import Material, material_table
from training.data.synthetic.palette import Palette
from training.data.synthetic.raycast import cast
from training.data.synthetic.rays import Rays, pixel_rays
from training.data.synthetic.scene import render
from training.data.synthetic.spans import Region, Spans
from training.data.synthetic.street import build_street
from training.data.synthetic.truth import SLACK
from training.data.synthetic.view import look
from training.data.synthetic.world import Lens, Pose, World, view_of

Builder = Callable[..., World]
BUILDERS = (build_street, build_indoor)
CPU = torch.device("cpu")
LEVEL = look(yaw_rad=0.0)
STONE = Material(layer=0)
CANVAS = (40, 60)
FOCAL_PX = 30.0  # of a 90 degree lens on 60 px


def world_of(
    assembly: Assembly,
    *,
    eye: tuple[float, float, float] = (0.0, 0.0, 0.0),
    moved: tuple[float, float, float] = (0.0, 0.0, 0.0),
    turned_rad: float = 0.0,
) -> World:
    palette = Palette(rng=np.random.default_rng(0))
    position = np.array(eye)
    return World(
        solids=assembly.solids(),
        motions=np.stack(assembly.motions),
        materials=torch.from_numpy(material_table(assembly.materials)),
        light=daylight(palette),
        atlas=palette.atlas(CPU),
        lens=Lens(fov_deg=90.0),
        pose=Pose(rotation=LEVEL, position=position),
        next_pose=Pose(rotation=look(yaw_rad=turned_rad), position=position + np.array(moved)),
    )


def pair(world: World, canvas: tuple[int, int] = CANVAS) -> Cut:
    return render(
        world, name="x", canvas=canvas, origins=[(0, 0)], window=canvas, next_origins=[(0, 0)]
    )


def truth(cut: Cut) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Inverse depth, flow and occlusion of the only window."""
    assert cut.inverse_depth is not None
    assert cut.flow is not None
    assert cut.occluded is not None
    return cut.inverse_depth[0], cut.flow[0], cut.occluded[0]


def rigid_flow(world: World, inverse_depth: NDArray[np.float32]) -> NDArray[np.float64]:
    """Flow of static points, from depth and both cameras alone."""
    height, width = inverse_depth.shape
    view, after = (view_of(p, world.lens, (height, width)) for p in (world.pose, world.next_pose))
    y, x = np.mgrid[:height, :width] + 0.5
    px, py = view.principal_px
    ray = np.stack([(x - px) / view.focal_px, (y - py) / view.focal_px, np.ones_like(x)], -1)
    # Homogeneous, so that the sky has a place: direction + inverse depth * position.
    world_ray = ray @ view.rotation + inverse_depth[..., None] * (view.position - after.position)
    flow: NDArray[np.float64] = after.project(world_ray @ after.rotation.T) - np.stack([x, y], -1)
    return flow


def test_ground_below_the_horizon_is_as_far_as_the_height_says() -> None:
    assembly = Assembly()
    ground = assembly.root()
    ground.quad((0, 0, 0), (2000, 2000), STONE, turn=(0, np.pi / 2, 0))
    inverse_depth, _, _ = truth(pair(world_of(assembly, eye=(0.0, 1.5, 0.0))))
    below = np.arange(20, 40) + 0.5 - 20  # rows below the horizon, in px
    expected = np.broadcast_to(below / (FOCAL_PX * 1.5), (60, 20)).T
    np.testing.assert_allclose(inverse_depth[20:], expected, rtol=1e-5)
    assert (inverse_depth[:20] == 0).all()


def test_the_principal_ray_sees_the_distance_to_the_wall() -> None:
    assembly = Assembly()
    assembly.root().box((0, 0, 7.5), (400, 400, 1), STONE)
    inverse_depth, _, _ = truth(pair(world_of(assembly), canvas=(41, 61)))
    assert 1 / inverse_depth[20, 30] == pytest.approx(7.0)


def test_a_step_to_the_right_is_stereo() -> None:
    assembly = Assembly()
    assembly.root().box((0, 0, 7.5), (400, 400, 1), STONE)
    _, flow, occluded = truth(pair(world_of(assembly, moved=(0.7, 0.0, 0.0))))
    np.testing.assert_allclose(flow[..., 0], -FOCAL_PX * 0.7 / 7.0, atol=1e-4)
    np.testing.assert_allclose(flow[..., 1], 0.0, atol=1e-4)
    # Three pixels leave on the left, nothing else is hidden.
    np.testing.assert_array_equal(occluded, np.broadcast_to(np.arange(60) < 3, (40, 60)))


def test_the_sky_moves_with_rotation_only() -> None:
    _, still, _ = truth(pair(world_of(Assembly(), moved=(1.0, 2.0, 3.0))))
    np.testing.assert_allclose(still, 0.0, atol=1e-4)
    _, turned, _ = truth(pair(world_of(Assembly(), turned_rad=0.1), canvas=(41, 61)))
    focal_px = 0.5 * 61  # the middle of the sky goes left by f tan(angle)
    assert turned[20, 30, 0] == pytest.approx(-focal_px * np.tan(0.1), abs=1e-3)


def test_a_moving_object_flows_unlike_the_rest() -> None:
    assembly = Assembly()
    assembly.root().box((0, 0, 20), (400, 400, 1), STONE)
    group = assembly.root().at(0, 0, 6).moving(ahead_m=0.0, aside_m=0.4)
    group.box((0, 0, 0), (2, 2, 2), STONE)
    world = world_of(assembly, moved=(0.0, 0.1, 0.0))
    inverse_depth, flow, _ = truth(pair(world))
    on_box = np.isclose(inverse_depth, 1 / 5.0)
    assert on_box.sum() == 12 * 12
    np.testing.assert_allclose(
        flow[on_box], [[FOCAL_PX * 0.4 / 5, FOCAL_PX * 0.1 / 5]] * 144, atol=1e-4
    )
    np.testing.assert_allclose(flow[~on_box], rigid_flow(world, inverse_depth)[~on_box], atol=1e-3)


def test_what_a_moving_object_covers_is_occluded() -> None:
    assembly = Assembly()
    assembly.root().quad((0, 0, 10), (400, 400), STONE)
    group = assembly.root().at(0, 0, 5).moving(ahead_m=0.0, aside_m=0.5)
    group.quad((0, 0, 0), (2, 2), STONE)
    inverse_depth, _, occluded = truth(pair(world_of(assembly)))
    # The object is 12 px wide, from column 24 to 36, and moves by 3 px.
    expected = np.zeros(CANVAS, dtype=bool)
    expected[14:26, 36:39] = True
    np.testing.assert_array_equal(occluded, expected)
    assert np.isclose(inverse_depth, 1 / 5).sum() == 144


def test_points_that_come_behind_the_camera_have_no_flow_and_are_occluded() -> None:
    assembly = Assembly()
    assembly.root().box((0, 0, 2), (1, 1, 1), STONE)
    inverse_depth, flow, occluded = truth(pair(world_of(assembly, moved=(0.0, 0.0, 5.0))))
    box = inverse_depth > 0
    assert np.isnan(flow[box]).all()
    assert occluded[box].all()


@pytest.mark.parametrize("build", BUILDERS)
def test_flow_of_a_still_world_is_depth_reprojected(build: Builder) -> None:
    for seed in range(3):
        world = build(seed, photographs=(), device=CPU)
        world = replace(world, motions=np.repeat(np.eye(3, 4)[None], len(world.motions), axis=0))
        inverse_depth, flow, _ = truth(pair(world))
        expected = rigid_flow(world, inverse_depth)
        known = ~np.isnan(flow[..., 0])
        np.testing.assert_allclose(flow[known], expected[known], rtol=1e-3, atol=2e-3)


@pytest.mark.parametrize("build", BUILDERS)
def test_occlusion_agrees_with_testing_every_solid(build: Builder) -> None:
    canvas = (20, 28)
    for seed in range(3):
        world = build(seed, photographs=(), device=CPU)
        inverse_depth, flow, occluded = truth(pair(world, canvas))
        view = view_of(world.next_pose, world.lens, canvas)
        y, x = np.mgrid[: canvas[0], : canvas[1]] + 0.5
        x, y = x + flow[..., 0], y + flow[..., 1]
        inside = (x >= 0) & (x < canvas[1]) & (y >= 0) & (y < canvas[0])
        assert occluded[~inside].all()
        px, py = view.principal_px
        solids = world.solids.moved(world.motions)
        cell = Region(top=0, left=0, rows=1, cols=int(inside.sum()))
        every = np.arange(len(solids))
        hits = cast(
            Rays(
                x=torch.from_numpy(((x[inside] - px) / view.focal_px).astype(np.float32)),
                y=torch.from_numpy(((y[inside] - py) / view.focal_px).astype(np.float32)),
                region=cell,
                start=None,
            ),
            view,
            solids,
            world.atlas,
            Spans(
                solid=every,
                row=np.zeros_like(every),
                first=np.zeros_like(every),
                last=np.full_like(every, cell.cols),
            ),
        )
        depth = _depth_after(world, inverse_depth, canvas)[inside]
        hidden = hits.depth_m.numpy() < np.where(
            np.isinf(depth), np.inf, depth * (1 - SLACK) - 1e-4
        )
        agree = hidden == occluded[inside]
        # Flow came through float32, so rays at an edge may fall on its other side.
        assert agree.mean() > 0.99


def _depth_after(
    world: World, inverse_depth: NDArray[np.float32], canvas: tuple[int, int]
) -> NDArray[np.float64]:
    """Depth in frame 2 of the points of frame 1, bodies moved, by plain linear algebra."""
    view, after = (view_of(p, world.lens, canvas) for p in (world.pose, world.next_pose))
    y, x = np.mgrid[: canvas[0], : canvas[1]] + 0.5
    px, py = view.principal_px
    ray = np.stack([(x - px) / view.focal_px, (y - py) / view.focal_px, np.ones_like(x)], -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        points = (ray / inverse_depth[..., None]) @ view.rotation + view.position
    region = Region(top=0, left=0, rows=canvas[0], cols=canvas[1])
    solid = cast(pixel_rays(view, region, CPU), view, world.solids, world.atlas).solid.numpy()
    body = np.append(world.solids.body, 0)[solid].reshape(canvas)
    motion = world.motions[body]
    with np.errstate(invalid="ignore"):
        moved = np.einsum("hwij,hwj->hwi", motion[..., :3], points) + motion[..., 3]
        depth: NDArray[np.float64] = ((moved - after.position) @ after.rotation.T)[..., 2]
    return np.where(inverse_depth == 0, np.inf, depth)
