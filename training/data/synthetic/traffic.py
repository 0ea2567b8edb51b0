"""Who uses a road: parked cars, cars and buses in their lanes, bicycles, people who cross."""

import math

from training.data.synthetic.palette import Palette
from training.data.synthetic.people import bicyclist, pedestrian
from training.data.synthetic.road import Road
from training.data.synthetic.vehicles import car, van


def add_traffic(road: Road, palette: Palette, *, still: bool) -> None:
    """Parked cars along the kerbs, cars and bicycles in the lanes."""
    rng = palette.rng
    for side in (-1, 1):
        share = float(rng.choice([0.0, 0.2, 0.6]))
        at = side * (road.half_m - 1.05)
        if share > 0 and road.half_m > 4.0:
            s = rng.uniform(-2, 8)
            while s < 90:
                if rng.random() < share and (s > 5 or side * road.lane < 0):
                    facing = 0.0 if rng.random() < 0.7 else math.pi
                    s += car(road.at(s, at, yaw=facing + rng.normal(0, 0.02)), palette)
                s += rng.uniform(0.8, 6.0)
    for same_way in (True, False):
        a = road.lane if same_way else -road.lane
        s = rng.uniform(6, 25) if same_way else rng.uniform(4, 25)
        while s < 110 and rng.random() < 0.75:
            spot = road.at(s, a + rng.normal(0, 0.25), yaw=0.0 if same_way else math.pi)
            spot = spot.at(0, 0, 0, yaw=rng.normal(0, 0.03))
            if not still:
                spot = spot.moving(
                    ahead_m=rng.uniform(0, 2.0) * (rng.random() < 0.8),
                    turn_rad=rng.normal(0, 0.006),
                )
            s += van(spot, palette) if rng.random() < 0.16 else car(spot, palette)
            s += rng.uniform(4, 30)
    if rng.random() < 0.2:  # someone crosses ahead
        spot = road.at(
            rng.uniform(12, 35), rng.normal(0, 2), yaw=float(rng.choice([-1, 1])) * math.pi / 2
        )
        if not still:
            spot = spot.moving(ahead_m=rng.uniform(0, 1.0))
        car(spot, palette)
    for _ in range(int(rng.poisson(1.8))):
        same_way = rng.random() < 0.7
        outer = road.lane * 1.55 if same_way else -road.lane * 1.55
        spot = road.at(
            rng.uniform(5, 35), outer + rng.normal(0, 0.3), yaw=0.0 if same_way else math.pi
        )
        spot = spot.at(0, 0, 0, yaw=rng.normal(0, 0.1))
        if not still:
            spot = spot.moving(ahead_m=rng.uniform(0.1, 0.6), turn_rad=rng.normal(0, 0.02))
        bicyclist(spot, palette)
    for _ in range(int(rng.poisson(0.45))):
        spot = road.at(
            rng.uniform(7, 30), rng.uniform(-1, 1) * road.half_m, yaw=rng.uniform(0, 6.28)
        )
        if not still:
            spot = spot.moving(ahead_m=rng.uniform(0.0, 0.18))
        pedestrian(spot, palette)
