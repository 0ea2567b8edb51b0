"""What stands along a road: lamp posts, traffic lights, signs, fences, bollards.

Built around the origin on the ground; traffic comes from -z.
"""

from training.data.synthetic.assembly import Group
from training.data.synthetic.material import Material
from training.data.synthetic.number import Number
from training.data.synthetic.palette import Palette
from training.data.synthetic.swatches.noise import colour_of


def lamp_post(group: Group, palette: Palette, *, towards: Number) -> None:
    """A street lamp whose arm reaches along x by the sign of `towards`."""
    rng = palette.rng
    group = group.at(0, 0, 0, label="pole")
    metal = _metal(palette)
    h, thick = rng.uniform(4.5, 9.0), rng.uniform(0.1, 0.2)
    group.cone((0, h / 2, 0), (thick, h, thick), metal, taper=0.45)
    group.cone((0, 0.5, 0), (thick * 1.6, 1.0, thick * 1.6), metal)
    arm = rng.uniform(0.3, 1.8) * towards
    group.rod((0, h - 0.1, 0), (arm, h + 0.1, 0), 0.07, metal)
    group.box((arm, h + 0.1, 0), (0.6, 0.14, 0.25), palette.plain((0.6, 0.6, 0.6)))


def plain_pole(group: Group, palette: Palette) -> None:
    """A mast for wires, or a bollard."""
    rng = palette.rng
    group = group.at(0, 0, 0, label="pole")
    metal = _metal(palette)
    if rng.random() < 0.5:
        h, thick = rng.uniform(0.8, 1.2), rng.uniform(0.1, 0.25)
        group.cone((0, h / 2, 0), (thick, h, thick), metal)
        return
    h, thick = rng.uniform(5.0, 9.0), rng.uniform(0.15, 0.3)
    wood = palette.tinted("bark", (0.3, 0.25, 0.2), contrast=0.6)
    group.cone((0, h / 2, 0), (thick, h, thick), wood if rng.random() < 0.5 else metal, taper=0.3)


def traffic_light(group: Group, palette: Palette) -> None:
    """A post with three lights; the case counts as a sign."""
    rng = palette.rng
    metal = _metal(palette)
    h = rng.uniform(2.4, 3.4)
    group.at(0, 0, 0, label="pole").cone((0, h / 2, 0), (0.12, h, 0.12), metal)
    case = group.at(0, h, 0, label="sign")
    case.box((0, 0, 0), (0.32, 0.95, 0.25), palette.plain((0.05, 0.05, 0.05)))
    if rng.random() < 0.5:
        case.box((0, 0, 0.02), (0.55, 1.2, 0.03), palette.plain((0.08, 0.08, 0.08)))
    lit = int(rng.integers(3))
    for i, colour in enumerate(((0.95, 0.1, 0.05), (0.95, 0.6, 0.05), (0.1, 0.9, 0.4))):
        dim = 1.0 if i == lit else 0.25
        tone = (dim * colour[0], dim * colour[1], dim * colour[2])
        lamp = palette.plain(tone, emission=3.0 if i == lit else 0.0)
        case.quad((0, 0.29 - 0.29 * i, -0.13), (0.21, 0.21), lamp, is_round=True)


def traffic_sign(group: Group, palette: Palette) -> None:
    """A post with one or two plates: round, square, or a large board."""
    rng = palette.rng
    metal = _metal(palette)
    h = rng.uniform(1.9, 3.2)
    large = rng.random() < 0.25
    w = rng.uniform(1.2, 2.6) if large else rng.uniform(0.5, 0.9)
    plate = group.at(0, h, -0.06, yaw=rng.normal(0, 0.15), label="sign")
    face = palette.natural("sign", period_m=(0.0, 0.0), specular=0.03)
    tall = w * rng.uniform(0.6, 1.1) if large else w
    if not large and rng.random() < 0.55:
        plate.quad((0, 0, 0), (w, w), face, is_round=True)
    else:
        plate.box((0, 0, 0), (w, tall, 0.04), metal, front=face)
    if rng.random() < 0.3:
        lower = palette.natural("sign", period_m=(0.0, 0.0))
        plate.box((0, -tall / 2 - 0.25, 0), (w * 0.9, 0.35, 0.04), metal, front=lower)
    posts = (-0.4 * w, 0.4 * w) if large else (0.0,)
    for x in posts:
        group.at(0, 0, 0, label="pole").cone((x, h / 2 + 0.1, 0), (0.08, h + 0.2, 0.08), metal)


def board(group: Group, palette: Palette) -> None:
    """An advertising board or a banner."""
    rng = palette.rng
    group = group.at(0, 0, 0, label="sign")
    w, h, low = rng.uniform(0.7, 2.0), rng.uniform(1.0, 2.2), rng.uniform(0.1, 1.6)
    group.box(
        (0, low + h / 2, 0), (w, h, 0.12), palette.plain((0.3, 0.3, 0.3)), front=palette.picture()
    )
    leg = group.at(0, 0, 0, label="pole")
    for side in (-1, 1):
        leg.cone((side * w * 0.4, (low + 0.1) / 2, 0), (0.08, low + 0.1, 0.08), _metal(palette))


def fence(group: Group, palette: Palette, *, length_m: float) -> None:
    """A fence along x: railings, boards or wire, with posts."""
    rng = palette.rng
    kind = str(rng.choice(["bars", "bars", "planks", "wire"]))
    h = rng.uniform(0.8, 1.8)
    period = (rng.uniform(0.8, 1.6), h)
    layer = palette.layer(kind)
    colour = colour_of(rng, value=(0.08, 0.75), saturation=0.25)
    if kind == "planks":
        colour = (0.5, 0.38, 0.26) if rng.random() < 0.7 else colour
    gain: tuple[float, float, float] = (2 * colour[0], 2 * colour[1], 2 * colour[2])
    face = Material(layer=layer, gain=gain, period_m=period)
    group = group.at(0, 0, 0, label="fence")
    group.quad((0, h / 2, 0), (length_m, h), face, holes=layer, hole_period_m=period)
    post = palette.plain(colour)
    count = max(1, int(length_m / rng.uniform(1.8, 3.2)))
    for i in range(count + 1):
        x = (i / count - 0.5) * length_m
        group.box((x, h / 2 + 0.05, 0), (0.09, h + 0.1, 0.09), post)
    if kind != "wire":
        group.box((0, h * 0.93, 0), (length_m, 0.06, 0.05), post)


def _metal(palette: Palette) -> Material:
    tone = palette.rng.uniform(0.06, 0.6)
    green = palette.rng.uniform(0.95, 1.1)
    return palette.plain((tone, tone * green, tone), specular=0.05, gloss=30.0)
