"""Street scenes: a road with pavements, lots with houses, gardens and trees, traffic and people.

Class shares are to be roughly CamVid's, with more of what is rare there: poles, signs, people.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.synthetic.assembly import Assembly, Group
from training.data.synthetic.daylight import daylight
from training.data.synthetic.houses import building, wall
from training.data.synthetic.material import material_table
from training.data.synthetic.palette import Palette
from training.data.synthetic.people import pedestrian
from training.data.synthetic.plants import hedge, tree
from training.data.synthetic.road import KERB_M, Road, lay_ground, lay_pavement, paint_markings
from training.data.synthetic.roadside import (
    board,
    fence,
    lamp_post,
    plain_pole,
    traffic_light,
    traffic_sign,
)
from training.data.synthetic.traffic import add_traffic
from training.data.synthetic.view import look
from training.data.synthetic.world import Lens, Pose, World

END_M = 130.0
"""How far along the road its sides are furnished."""


def build_street(
    seed: int, *, photographs: Sequence[NDArray[np.uint8]], device: torch.device
) -> World:
    """A street seen from a car, and the same street a moment later."""
    rng = np.random.default_rng([seed, 1])
    palette = Palette(rng=rng, photographs=photographs)
    assembly = Assembly()
    curve = 0.0 if rng.random() < 0.55 else float(rng.normal(0, 1 / 150))
    road = Road(
        root=assembly.root(),
        curvature=max(-1 / 45, min(1 / 45, curve)),
        half_m=float(rng.uniform(2.9, 7.0)),
        pavement_m=float(rng.uniform(1.5, 4.5)),
        left_hand=bool(rng.random() < 0.5),
    )
    lens, pose, next_pose, still = _cameras(rng, road)
    lay_ground(road, palette)
    paint_markings(road, palette)
    green = float(rng.choice([0.1, 0.3, 0.55, 0.9], p=[0.25, 0.3, 0.3, 0.15]))
    tall = float(rng.uniform(5, 16))
    bare = bool(rng.random() < 0.4)
    for side in (-1, 1):
        _furnish_side(road, palette, side, green=green, tall_m=tall, bare=bare, still=still)
    add_traffic(road, palette, still=still)
    _add_backdrop(road, palette, bare=bare)
    light = daylight(palette)
    return World(
        solids=assembly.solids(),
        motions=np.stack(assembly.motions),
        materials=torch.from_numpy(material_table(assembly.materials)).to(device),
        atlas=palette.atlas(device),
        light=light,
        lens=lens,
        pose=pose,
        next_pose=next_pose,
    )


def _cameras(rng: np.random.Generator, road: Road) -> tuple[Lens, Pose, Pose, bool]:
    """Lens, both poses, and whether nothing else moves (a stereo pair)."""
    fov = float(rng.uniform(40, 95))
    lens = Lens(fov_deg=fov, shift=(float(rng.normal(0, 0.015)), float(rng.normal(0, 0.015))))
    usual = rng.random() < 0.85
    height = float(rng.uniform(1.2, 1.8) if usual else rng.uniform(0.8, 4.0))
    aside = road.lane + float(rng.normal(0, 0.4))
    yaw = float(rng.normal(0, 0.07) if usual else rng.uniform(-1.0, 1.0))
    pitch = float(rng.normal(-0.02, 0.04) if usual else rng.normal(-0.08, 0.1))
    roll = float(rng.normal(0, 0.015 if usual else 0.05))
    position = np.array([aside, height, 0.0])
    kind = rng.random()
    still = bool(kind < 0.15)
    if still:  # stereo: sideways only
        shift = (
            np.array([math.cos(yaw), 0.0, -math.sin(yaw)])
            * rng.choice([-1, 1])
            * rng.uniform(0.1, 0.6)
        )
        turn = (0.0, 0.0, 0.0)
    else:
        ahead = rng.uniform(0.0, 2.5) if kind < 0.85 else 0.0
        course = 0.5 * ahead * road.curvature + rng.normal(0, 0.01)
        shift = np.array([math.sin(course) * ahead, rng.normal(0, 0.01), math.cos(course) * ahead])
        if kind >= 0.85:  # standing, or walking with the camera in hand
            shift = shift + rng.normal(0, 0.05, size=3)
        turn = (
            ahead * road.curvature + float(rng.normal(0, 0.008)),
            float(rng.normal(0, 0.004)),
            float(rng.normal(0, 0.003)),
        )
    pose = Pose(rotation=look(yaw_rad=yaw, pitch_rad=pitch, roll_rad=roll), position=position)
    next_pose = Pose(
        rotation=look(yaw_rad=yaw + turn[0], pitch_rad=pitch + turn[1], roll_rad=roll + turn[2]),
        position=position + shift,
    )
    return lens, pose, next_pose, still


def _furnish_side(
    road: Road, palette: Palette, side: int, *, green: float, tall_m: float, bare: bool, still: bool
) -> None:
    """Lots along one side: pavement, then houses, gardens, trees, or a side street."""
    rng = palette.rng
    setback = float(rng.choice([0.0, 0.0, rng.uniform(1.0, 7.0)]))
    s = -18.0 + rng.uniform(0, 6)
    while s < END_M:
        width = float(rng.uniform(6, 18))
        kind = rng.random()
        edge = road.half_m + road.pavement_m
        if kind < 0.08 and s > 0:  # a side street
            s += rng.uniform(7, 12)
            continue
        lay_pavement(road, palette, side, s, s + width)
        lot = road.lot(s + width / 2, side, edge)
        if rng.random() < green:
            _plant_lot(lot, palette, width, bare=bare)
        else:
            height = max(3.5, tall_m * rng.uniform(0.6, 1.5))
            building(
                lot.at(0, 0, setback),
                palette,
                width_m=width * rng.choice([1.0, 1.0, 0.85]),
                height_m=height,
            )
            if setback > 1.0:
                _front_garden(lot, palette, width, setback, bare=bare)
        _street_furniture(road, palette, side, s, width, bare=bare, still=still)
        s += width


def _plant_lot(lot: Group, palette: Palette, width: float, *, bare: bool) -> None:
    rng = palette.rng
    lawn = palette.natural("grass", period_m=(rng.uniform(2, 5),) * 2)
    lot.at(0, 0, 0, label="tree", shadow=False).box((0, 0.06, 20.1), (width, 0.14, 40), lawn)
    edge = rng.random()
    if edge < 0.35:
        fence(lot.at(0, 0.05, 0.15), palette, length_m=width)
    elif edge < 0.6:
        hedge(lot.at(0, 0, 0.8), palette, length_m=width, height_m=rng.uniform(0.8, 2.2))
    elif edge < 0.75:
        wall(lot, palette, width_m=width, height_m=rng.uniform(0.5, 2.2))
    for _ in range(int(rng.integers(1, 4))):
        spot = lot.at(rng.uniform(-0.5, 0.5) * width, 0, rng.uniform(1.5, 12))
        tree(spot, palette, height_m=rng.uniform(4, 13), bare=bare)


def _front_garden(
    lot: Group, palette: Palette, width: float, setback: float, *, bare: bool
) -> None:
    rng = palette.rng
    if rng.random() < 0.6:
        ground = palette.natural("grass", period_m=(3.0, 3.0))
        label = "tree"
    else:
        ground = palette.natural("bricks", period_m=(2.0, 2.0))
        label = "pavement"
    lot.at(0, 0, 0, label=label, shadow=False).box(
        (0, 0.06, setback / 2), (width, 0.13, setback), ground
    )
    kind = rng.random()
    if kind < 0.4:
        fence(lot.at(0, 0.05, 0.1), palette, length_m=width)
    elif kind < 0.6:
        wall(lot, palette, width_m=width, height_m=rng.uniform(0.5, 1.4))
    elif kind < 0.75:
        hedge(lot.at(0, 0, 0.6), palette, length_m=width, height_m=rng.uniform(0.7, 1.6))
    if setback > 3 and rng.random() < 0.4:
        spot = lot.at(rng.uniform(-0.4, 0.4) * width, 0, setback * 0.6)
        tree(spot, palette, height_m=rng.uniform(3, 8), bare=bare)


def _street_furniture(
    road: Road, palette: Palette, side: int, s: float, width: float, *, bare: bool, still: bool
) -> None:
    """What stands and walks on the pavement of one lot."""
    rng = palette.rng
    kerbside = side * (road.half_m + 0.45)

    def spot(a: float) -> Group:
        return road.at(s + rng.uniform(0, width), a, y=KERB_M)

    if rng.random() < 0.35:
        lamp_post(spot(kerbside), palette, towards=-side)
    if rng.random() < 0.35:
        plain_pole(spot(kerbside), palette)
    if rng.random() < 0.4:
        traffic_sign(spot(kerbside), palette)
    if rng.random() < 0.16:
        traffic_light(spot(kerbside), palette)
    if rng.random() < 0.12:
        board(spot(side * (road.half_m + 0.8)), palette)
    if rng.random() < 0.14:
        place = road.at(s + width / 2, side * (road.half_m + 0.3), y=KERB_M, yaw=math.pi / 2)
        fence(place, palette, length_m=width * 0.9)
    if rng.random() < 0.22:
        tree(spot(side * (road.half_m + 0.8)), palette, height_m=rng.uniform(4, 10), bare=bare)
    for _ in range(int(rng.poisson(0.9))):
        walker = spot(side * (road.half_m + rng.uniform(0.4, road.pavement_m)))
        walker = walker.at(0, 0, 0, yaw=float(rng.choice([0.0, math.pi]) + rng.normal(0, 0.4)))
        if not still and rng.random() < 0.7:
            walker = walker.moving(ahead_m=rng.uniform(0.02, 0.18), turn_rad=rng.normal(0, 0.03))
        pedestrian(walker, palette)


def _add_backdrop(road: Road, palette: Palette, *, bare: bool) -> None:
    """What closes the view: trees and blocks beyond the end of the road and behind the lots."""
    rng = palette.rng
    for _ in range(int(rng.integers(10, 24))):
        angle, far = rng.uniform(-1.3, 1.3), rng.uniform(1.1, 2.4) * END_M
        spot = road.root.at(far * math.sin(angle), 0, far * math.cos(angle), yaw=angle)
        if rng.random() < 0.5:
            spot.at(0, 0, 0, label="building").box(
                (0, 5, 0),
                (rng.uniform(12, 50), rng.uniform(12, 34), 12),
                palette.natural("storeys", period_m=(7.0, 6.0)),
            )
        else:
            tree(spot, palette, height_m=rng.uniform(9, 20), bare=bare)
