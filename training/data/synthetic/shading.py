"""Colour of surface points and of the sky: textures, key light, ambient light, shine, fog.

Linear light inside; the square root at the end stands for the display's gamma.

Axes: n points.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from training.data.synthetic.atlas import SIDE, Atlas
from training.data.synthetic.intersection import Vector
from training.data.synthetic.light import Light
from training.data.synthetic.surface import Surface

FLATTEST = 0.12  # cosine below which textures are not smoothed any further


def shade(
    surface: Surface,
    lit: Float[Tensor, " n"],
    distance_m: Float[Tensor, " n"],
    table: Float[Tensor, "columns m"],
    light: Light,
    atlas: Atlas,
    *,
    focal_px: float,
) -> Float[Tensor, "n 3"]:
    """Linear light from surface points towards the camera, before exposure."""
    columns = [row.index_select(0, surface.material) for row in table]
    layer, gain, bias = columns[0], torch.stack(columns[1:4], 1), torch.stack(columns[4:7], 1)
    period_u, period_v, shift_u, shift_v = columns[7:11]
    detail_layer, detail_period, detail, specular, gloss, emission = columns[11:17]

    footprint = distance_m / (focal_px * surface.facing.clamp_min(FLATTEST).sqrt())
    period_u = torch.where(period_u > 0, period_u, surface.face_m[0])
    period_v = torch.where(period_v > 0, period_v, surface.face_m[1])
    u = surface.across_m / period_u + shift_u
    v = shift_v - surface.up_m / period_v  # the first row of a texture is its top
    lod = (footprint * SIDE / torch.minimum(period_u, period_v)).clamp_min_(1e-6).log2_()
    texture = atlas.sample(layer.long(), u, v, lod)[:, :3] * (1 / 255)
    albedo = (texture * gain + bias).clamp_(0.0, 1.0).square_()

    some = (detail > 0).nonzero()[:, 0]
    fine_period = detail_period[some]
    fine = atlas.sample(
        detail_layer[some].long(),
        surface.across_m[some] / fine_period,
        surface.up_m[some] / fine_period,
        (footprint[some] * SIDE / fine_period).clamp_min_(1e-6).log2_(),
    )[:, 1]
    factor = 1 + detail[some] * (fine * (2 / 255) - 1)
    albedo[some] *= factor[:, None]

    towards, strength = _key_light(surface.point, light)
    n, s = surface.normal, surface.sight
    cosine = n[0] * towards[0] + n[1] * towards[1] + n[2] * towards[2]
    key = lit * strength
    # The highlight: sight mirrored at the surface against the light.
    twice = 2 * (n[0] * s[0] + n[1] * s[1] + n[2] * s[2])
    mirrored = [s[i] - twice * n[i] for i in range(3)]
    along = mirrored[0] * towards[0] + mirrored[1] * towards[1] + mirrored[2] * towards[2]
    shine = key * specular * (along.clamp_min(1e-4).log2_() * gloss).exp2_() * (gloss * 0.12 + 0.3)
    mirror = specular * (1 + 6 * (1 - surface.facing) ** 4)  # Schlick-like rise at grazing angles
    upness = 0.5 + 0.5 * n[1]
    sky_seen = (mirrored[1] * 2 + 0.5).clamp_(0.0, 1.0) * mirror
    corner = _corner_shade(surface.point, light)
    diffuse = key * cosine.clamp_min(0.0)
    rows = []
    for i in range(3):
        ambient = light.below[i] + (light.above[i] - light.below[i]) * upness
        received = diffuse * light.key[i] + ambient * corner + emission
        rows.append(
            albedo[:, i] * received
            + shine * light.key[i]
            + sky_seen * light.above[i] * (light.sky.horizon[i] if light.sky else 0.5)
        )
    colour = torch.stack(rows, 1)
    clear = torch.exp(distance_m * (-1 / light.fog_m))[:, None]
    return colour * clear + torch.tensor(light.fog, device=colour.device) * (1 - clear)


def shade_sky(sight: Vector, light: Light, atlas: Atlas) -> Float[Tensor, "n 3"]:
    """Linear light of the sky in the directions `sight`; black where there is none."""
    sky = light.sky
    if sky is None:
        return torch.zeros(sight[0].shape[0], 3, device=sight[0].device)
    height = sight[1].clamp_min(0.0)
    device = height.device
    share = (1 - height).clamp_min_(0.0) ** 3
    zenith, horizon = (
        torch.tensor(sky.zenith, device=device),
        torch.tensor(sky.horizon, device=device),
    )
    colour = zenith + (horizon - zenith) * share[:, None]
    scale = 0.35 / (height + 0.18)
    lod = (scale * 2.0).log2_()
    layer = torch.full_like(share, sky.cloud_layer).long()
    u = sight[0] * scale + sky.cloud_offset[0]
    v = sight[2] * scale + sky.cloud_offset[1]
    cloud = atlas.sample(layer, u, v, lod)[:, 1] * (1 / 255)
    cover = ((cloud + sky.cloud_cover - 1.0) * 3).clamp_(0.0, 1.0)[:, None]
    bright = (0.55 + 0.45 * cloud)[:, None] * max(light.above)
    return colour * (1 - cover) + bright * cover


def expose(linear: Float[Tensor, "n 3"], exposure: float) -> Float[Tensor, "n 3"]:
    """Linear light as displayed values in [0, 255]: highlights roll off, gamma 2."""
    value = linear * exposure
    value = value / (1 + 0.25 * value)  # a shoulder: 1 becomes 0.8, and white needs 4/3
    return value.clamp_(0.0, 1.0).sqrt_().mul_(255)


def _key_light(point: Vector, light: Light) -> tuple[Vector, Tensor]:
    """Unit vectors towards the key light and its strength at each point."""
    if not light.is_lamp:
        one = torch.ones_like(point[0])
        return (one * light.towards[0], one * light.towards[1], one * light.towards[2]), one
    d = [light.towards[i] - point[i] for i in range(3)]
    square = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
    inverse = square.clamp_min(1e-4).rsqrt()
    # Softer than the square law: real rooms are filled by what walls give back.
    return (d[0] * inverse, d[1] * inverse, d[2] * inverse), 4 / (2 + square)


def _corner_shade(point: Vector, light: Light) -> Tensor:
    """Ambient light left near the corners of a room: a cheap ambient occlusion."""
    if light.room_half_m is None:
        return 1 - 0.35 * torch.exp(-point[1].clamp_min(0.0) * 2.5)
    half_x, half_y, half_z = light.room_half_m
    gaps = (
        half_x - point[0].abs(),
        half_y - (point[1] - half_y).abs(),
        half_z - point[2].abs(),
    )
    # Every wall point has one gap of zero, its own wall; the second smallest tells of the corner.
    low, high = torch.minimum(gaps[0], gaps[1]), torch.maximum(gaps[0], gaps[1])
    second = torch.maximum(low, torch.minimum(high, gaps[2]))
    return 1 - 0.45 * torch.exp(-second.clamp_min(0.0) * 3.0)
