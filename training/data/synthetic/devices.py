"""What stands on desks and has keys or a screen. Built around the origin, facing -z."""

from training.data.synthetic.assembly import Group
from training.data.synthetic.palette import Palette
from training.data.synthetic.plastic import plastic


def monitor(group: Group, palette: Palette) -> None:
    """A screen on its foot."""
    rng = palette.rng
    w = rng.uniform(0.38, 0.62)
    h, lift = w * rng.uniform(0.56, 0.78), rng.uniform(0.08, 0.16)
    tone = float(rng.choice([0.06, 0.1, 0.75]))
    case = palette.plain((tone, tone, tone), specular=0.04)
    face = palette.natural(
        "screen",
        period_m=(0.0, 0.0),
        specular=0.05,
        gloss=50.0,
        emission=float(rng.uniform(0, 0.5)),
    )
    lean = rng.uniform(-0.15, 0.05)
    group.box((0, lift + h / 2, 0), (w, h, rng.uniform(0.04, 0.07)), case, turn=(0, lean, 0))
    group.quad((0, lift + h / 2, -0.038), (w * 0.93, h * 0.9), face, turn=(0, lean, 0))
    group.box((0, lift / 2, 0.04), (0.06, lift + 0.1, 0.04), case)
    group.cone((0, 0.01, 0.02), (0.24, 0.02, 0.2), case)


def keyboard(group: Group, palette: Palette) -> None:
    """A keyboard, and mostly a mouse beside it."""
    keys = palette.natural("keyboard", period_m=(0.0, 0.0))
    group.box((0, 0.012, 0), (0.44, 0.024, 0.15), plastic(palette), top=keys)
    if palette.rng.random() < 0.7:
        group.ball((0.33, 0.012, 0.0), (0.065, 0.06, 0.11), plastic(palette))


def laptop(group: Group, palette: Palette) -> None:
    """An open laptop."""
    case = palette.plain((0.4, 0.4, 0.42) if palette.rng.random() < 0.5 else (0.07, 0.07, 0.07))
    keys = palette.natural("keyboard", period_m=(0.0, 0.0))
    face = palette.natural("screen", period_m=(0.0, 0.0), emission=0.3)
    group.box((0, 0.012, 0), (0.34, 0.024, 0.24), case, top=keys)
    group.box((0, 0.12, 0.15), (0.34, 0.23, 0.012), case, front=face, turn=(0, -0.3, 0))


def phone(group: Group, palette: Palette) -> None:
    """A telephone, or another small box with a slanted top."""
    case = plastic(palette)
    keys = palette.natural("keyboard", period_m=(0.0, 0.0))
    group.box((0, 0.03, 0), (0.17, 0.05, 0.2), case, top=keys, turn=(0, 0.2, 0))
    group.box((-0.06, 0.075, 0), (0.045, 0.035, 0.2), case, turn=(0, 0.2, 0))
