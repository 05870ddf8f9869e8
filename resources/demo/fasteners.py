"""Bolts, nuts and washers as shaded, anti-aliased sprites.

A sprite is computed `oversample` times too large from the shape's own height above the table, lit by a small
synthetic environment that polished metal can mirror, and then averaged down. Lengths inside a shape are in units
of the nominal thread diameter; x runs right and y runs down, as in the picture.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from surfaces import Plane, noise

LABELS = ("bolt", "nut", "washer")

# Reflectance (R, G, B) and how strongly the metal mirrors its surroundings.
METALS: dict[str, tuple[tuple[float, float, float], float]] = {
    "zinc": ((0.84, 0.87, 0.91), 0.95),
    "stainless": ((0.82, 0.81, 0.79), 0.85),
    "steel": ((0.58, 0.59, 0.61), 0.75),
    "black oxide": ((0.27, 0.27, 0.29), 0.65),
    "brass": ((0.90, 0.72, 0.40), 0.90),
    "yellow zinc": ((0.87, 0.78, 0.53), 0.85),
    "copper": ((0.88, 0.58, 0.44), 0.85),
}


@dataclass(frozen=True)
class Light:
    """The lamp (a unit vector towards it), its size and colour, and how much light comes from everywhere else."""

    to_lamp: tuple[float, float, float]
    spread: float
    power: float
    ambient: float
    fill: tuple[float, float, float]
    shadow: float


@dataclass(frozen=True)
class Shape:
    """One fastener before it is drawn; `diameter` is the nominal thread diameter in pixels."""

    label: str
    diameter: float
    angle: float
    metal: str
    head: float  # across flats (bolt, nut) or outer diameter (washer)
    hole: float  # hole diameter; 0 for bolts
    thick: float  # head height (bolt) or thickness
    length: float  # shank length; 0 for nuts and washers
    thread_from: float  # where the thread begins on the shank, 0 to 1
    pitch: float
    roll: float
    socket: bool

    def discs(self) -> list[tuple[float, float, float]]:
        """Circles (x, y, radius) in pixels around the centre that cover the shape, for placing it."""
        if self.label != "bolt":
            return [(0.0, 0.0, self.head * 0.54 * self.diameter)]
        total = self.thick + self.length
        out = [(self.thick / 2 - total / 2, self.head * 0.56)]
        out += [(at - total / 2, 0.55) for at in np.arange(self.thick + 0.4, total + 0.1, 0.5)]
        c, s = np.cos(self.angle), np.sin(self.angle)
        return [(float(u * c * self.diameter), float(u * s * self.diameter), r * self.diameter) for u, r in out]


@dataclass(frozen=True)
class Sprite:
    """A drawn fastener: premultiplied-free RGB, coverage, and its height above the table in pixels."""

    rgb: Plane
    alpha: Plane
    height: float


def draw_shape(rng: np.random.Generator, label: str, diameter: float) -> Shape:
    """A random fastener of a kind with proportions near those of the metric standards."""
    metal = str(rng.choice(list(METALS), p=[0.30, 0.20, 0.16, 0.10, 0.10, 0.09, 0.05]))
    socket = label == "bolt" and bool(rng.random() < 0.18)
    if label == "bolt":
        head, hole = (rng.uniform(1.45, 1.55) if socket else rng.uniform(1.55, 1.8)), 0.0
        thick, length = (rng.uniform(0.9, 1.05) if socket else rng.uniform(0.6, 0.75)), rng.uniform(1.8, 5.2)
    elif label == "nut":
        head, hole, thick, length = rng.uniform(1.6, 1.85), rng.uniform(0.92, 1.02), rng.uniform(0.5, 0.95), 0.0
    else:
        hole = rng.uniform(1.05, 1.15)
        head, thick, length = hole * rng.uniform(1.75, 2.7), rng.uniform(0.12, 0.24), 0.0
    thread_from = 0.0 if length < 2.6 or rng.random() < 0.5 else float(rng.uniform(0.15, 0.5))
    return Shape(
        label=label,
        diameter=diameter,
        angle=float(rng.uniform(0, 2 * np.pi)),
        metal=metal,
        head=float(head),
        hole=float(hole),
        thick=float(thick),
        length=float(length),
        thread_from=thread_from,
        pitch=float(rng.uniform(0.15, 0.22)),
        roll=float(rng.normal(0, 0.12)) if rng.random() < 0.8 else float(rng.uniform(0, 1.05)),
        socket=socket,
    )


def _shade(
    rng: np.random.Generator,
    mask: NDArray[np.bool_],
    normal: Plane,
    occlusion: Plane,
    shape: Shape,
    light: Light,
    tilt: tuple[float, float],
) -> Plane:
    """Colours (h, w, 3) for surface normals, 0 outside the mask: mirrored lamp, fill and room, and a diffuse part."""
    h, w = mask.shape
    normal, occlusion = normal[mask], occlusion[mask]
    tint, mirror = METALS[shape.metal]
    coarse = noise(rng, w, h, 5.0)[mask]
    grain = noise(rng, w, h, 2.0)[mask] * 0.5 + coarse * 0.5
    nx = normal[..., 0] + tilt[0] + grain * 0.035
    ny = normal[..., 1] + tilt[1] + coarse[::-1] * 0.035
    nz = normal[..., 2]
    scale = 1 / np.sqrt(nx * nx + ny * ny + nz * nz + 1e-9)
    nx, ny, nz = nx * scale, ny * scale, nz * scale
    # The camera looks straight down: view = (0, 0, 1).
    rx, ry, rz = 2 * nz * nx, 2 * nz * ny, 2 * nz * nz - 1

    def lobe(direction: tuple[float, float, float], spread: float) -> Plane:
        dot = rx * direction[0] + ry * direction[1] + rz * direction[2]
        return np.exp((dot - 1) / spread).astype(np.float32)

    sky = np.clip((rz + 0.35) / 1.35, 0, 1)
    room = 0.10 + 0.52 * sky * sky * (3 - 2 * sky)
    room = room * (1 - 0.45 * np.exp(-(((rz - 0.25) / 0.22) ** 2)))
    lamp = lobe(light.to_lamp, light.spread) * light.power
    fill = lobe(light.fill, light.spread * 1.6) * light.power * 0.35
    lx, ly, lz = light.to_lamp
    diffuse = np.clip(nx * lx + ny * ly + nz * lz, 0, 1)
    value = mirror * (room * light.ambient * 1.15 + lamp * 0.85 + fill) + 0.34 * diffuse * light.power + 0.05
    value = value * occlusion * (1 + grain * 0.05)
    colour = value[..., None] * np.asarray(tint, np.float32)
    glint = np.clip(lobe(light.to_lamp, light.spread * 0.35) - 0.25, 0, 1) * 0.45 * mirror * occlusion
    colour = colour + glint[..., None]
    # A soft shoulder keeps highlights from clipping flat.
    colour = np.where(colour > 0.75, 0.75 + 0.25 * (1 - np.exp(-(colour - 0.75) / 0.25)), colour)
    out = np.zeros((h, w, 3), np.float32)
    out[mask] = colour
    return out


def _reduce(plane: Plane, by: int) -> Plane:
    parts = [plane[i::by, j::by] for i in range(by) for j in range(by)]
    return (sum(parts[1:], parts[0].copy()) / (by * by)).astype(np.float32)


def _finish(colour: Plane, mask: Plane, by: int, height: float) -> Sprite:
    solid = mask.astype(np.float32)
    alpha = _reduce(solid, by)
    rgb = _reduce(colour, by) / np.maximum(alpha, 1e-4)[..., None]
    return Sprite(rgb.astype(np.float32), alpha, height)


def _grid(radius: float, by: int) -> tuple[Plane, Plane]:
    half = int(np.ceil(radius)) + 2
    at = ((np.arange(2 * half * by, dtype=np.float32) + 0.5) / by - half).astype(np.float32)
    return at[None, :], at[:, None]


def _bolt_height(shape: Shape, u: Plane, v: Plane) -> tuple[Plane, Plane]:
    """Height above the bolt's axis and the mask, for u along the bolt from the top of its head and v across."""
    k, end = shape.thick, shape.thick + shape.length
    side = np.abs(v)
    if shape.socket:
        radius = shape.head / 2 - 0.018 * (0.5 + 0.5 * np.cos(v * 60)) * (np.abs(u - k * 0.55) < k * 0.38)
        radius = radius - 0.09 * np.clip(1 - u / 0.1, 0, 1) ** 2
        head_z = np.sqrt(np.clip(radius * radius - side * side, 1e-6, None))
        head_mask = (u >= 0) & (u <= k) & (side < radius)
    else:
        up = np.full(np.broadcast(u, v).shape, 9.0, np.float32)
        down = up.copy()
        between = np.ones(up.shape, bool)
        for turn in range(6):
            a = shape.roll + turn * np.pi / 3
            if np.cos(a) > 0.05:
                up = np.minimum(up, (shape.head / 2 - v * np.sin(a)) / np.cos(a))
                down = np.minimum(down, (shape.head / 2 + v * np.sin(a)) / np.cos(a))
            elif np.cos(a) > -0.05:
                between &= v * np.sin(a) < shape.head / 2
        cone = shape.head * 0.475 + np.clip(u, 0, None) * 1.73
        under = shape.head * 0.54 + np.clip(k - u, 0, None) * 3.0
        ring = np.minimum(cone, under)
        head_z = np.minimum(up, np.sqrt(np.clip(ring * ring - side * side, 1e-6, None)))
        head_mask = (u >= 0) & (u <= k) & between & (up + down > 0) & (side < ring)
    wave = np.arcsin(np.clip(v / 0.5, -1, 1)) / (2 * np.pi)
    phase = u / shape.pitch + wave
    tooth = np.abs((phase % 1.0) * 2 - 1)
    threaded = u > k + shape.length * shape.thread_from
    radius = 0.5 - np.where(threaded, shape.pitch * 0.52 * tooth, 0.012)
    radius = radius - np.clip((u - (end - 0.14)) / 0.14, 0, 1) * 0.14
    shank_z = np.sqrt(np.clip(radius * radius - side * side, 1e-6, None))
    shank_mask = (u > k) & (u <= end) & (side < radius)
    collar = (u > k) & (u <= k + 0.07) & (side < shape.head * 0.46)
    collar_z = np.sqrt(np.clip((shape.head * 0.46) ** 2 - side * side, 1e-6, None))
    z = np.where(head_mask, head_z, np.where(collar, collar_z, np.where(shank_mask, shank_z, 0.0)))
    return z.astype(np.float32), head_mask | shank_mask | collar


def _bolt(rng: np.random.Generator, shape: Shape, light: Light, by: int) -> Sprite:
    total = shape.thick + shape.length
    reach = np.hypot(total / 2, shape.head * 0.62) * shape.diameter
    x, y = _grid(reach, by)
    c, s = np.cos(shape.angle), np.sin(shape.angle)
    u = ((x * c + y * s) / shape.diameter + total / 2).astype(np.float32)
    v = ((-x * s + y * c) / shape.diameter).astype(np.float32)
    z, mask = _bolt_height(shape, u, v)
    step = 1.0 / (by * shape.diameter)
    slope_y, slope_x = np.gradient(z, step)
    steep = np.hypot(slope_x, slope_y)
    limit = np.minimum(1.0, 5.0 / np.maximum(steep, 1e-6))
    normal = np.stack([-slope_x * limit, -slope_y * limit, np.ones_like(z)], -1)
    past = np.clip(u - shape.thick, 0, None)
    occlusion = np.where(u > shape.thick, 1 - 0.5 * np.exp(-past / 0.22), 1.0)
    radius = np.where(u > shape.thick, 0.5, shape.head * 0.56)
    occlusion = occlusion * (0.55 + 0.45 * np.sqrt(np.clip(1 - (v / radius) ** 2, 0, 1)))
    tilt = tuple(rng.normal(0, 0.03, 2))
    normal /= np.sqrt((normal * normal).sum(-1, keepdims=True))
    colour = _shade(
        rng, mask, normal.astype(np.float32), occlusion.astype(np.float32), shape, light, (tilt[0], tilt[1])
    )
    return _finish(colour, mask, by, shape.head * 0.72 * shape.diameter)


def _hexagon(x: Plane, y: Plane, across: float) -> tuple[Plane, Plane, Plane]:
    """Signed distance to a hexagon (negative inside) and the outward direction of its nearest side."""
    best = np.full(np.broadcast(x, y).shape, -9.0, np.float32)
    dx, dy = np.zeros_like(best), np.zeros_like(best)
    for turn in range(6):
        a = turn * np.pi / 3
        d = x * np.cos(a) + y * np.sin(a) - across / 2
        near = d > best
        best = np.where(near, d, best)
        dx, dy = np.where(near, np.cos(a), dx), np.where(near, np.sin(a), dy)
    return best.astype(np.float32), dx.astype(np.float32), dy.astype(np.float32)


def _outline(shape: Shape, x: Plane, y: Plane) -> tuple[Plane, Plane, Plane]:
    if shape.label == "nut":
        return _hexagon(x, y, shape.head)
    rho = np.maximum(np.hypot(x, y), 1e-6)
    return (rho - shape.head / 2).astype(np.float32), (x / rho).astype(np.float32), (y / rho).astype(np.float32)


def _ring(rng: np.random.Generator, shape: Shape, light: Light, by: int, lean: tuple[float, float]) -> Sprite:
    """A nut or a washer lying flat; `lean` is how far (in heights) its top is displaced by perspective."""
    reach = (shape.head * (0.58 if shape.label == "nut" else 0.5) + shape.thick * np.hypot(*lean)) * shape.diameter
    gx, gy = _grid(reach, by)
    c, s = np.cos(shape.angle), np.sin(shape.angle)
    size = np.broadcast(gx, gy).shape
    hit = np.zeros(size, bool)
    at_x, at_y, at_z = (np.zeros(size, np.float32) for _ in range(3))
    travel = np.hypot(*lean) * shape.thick * shape.diameter * by
    layers = int(np.clip(np.ceil(travel), 1, 40)) + 1
    for z in np.linspace(shape.thick, 0, layers):
        wx = gx / shape.diameter - lean[0] * z
        wy = gy / shape.diameter - lean[1] * z
        x, y = (wx * c + wy * s).astype(np.float32), (-wx * s + wy * c).astype(np.float32)
        inside = (_outline(shape, x, y)[0] < 0) & (np.hypot(x, y) > shape.hole / 2)
        new = inside & ~hit
        at_x, at_y = np.where(new, x, at_x), np.where(new, y, at_y)
        at_z = np.where(new, np.float32(z), at_z)
        hit |= inside
    distance, out_x, out_y = _outline(shape, at_x, at_y)
    rho = np.maximum(np.hypot(at_x, at_y), 1e-6)
    on_top = at_z >= shape.thick - 1e-4
    bore = rho - shape.hole / 2
    outer_wall = ~on_top & (-distance < bore)
    inner_wall = ~on_top & ~outer_wall
    crown = rng.normal(0, 0.10)
    nx, ny, nz = np.zeros(size, np.float32), np.zeros(size, np.float32), np.ones(size, np.float32)
    if shape.label == "nut":
        chamfer = on_top & (rho > shape.head * 0.475)
        nx, ny = np.where(chamfer, at_x / rho * 0.62, nx), np.where(chamfer, at_y / rho * 0.62, ny)
        mouth = on_top & (bore < 0.075)
        nx, ny = np.where(mouth, -at_x / rho * 0.9, nx), np.where(mouth, -at_y / rho * 0.9, ny)
    else:
        width = 0.05
        edge = np.clip(1 + distance / width, 0, 1) ** 2 * on_top
        lip = np.clip(1 - bore / width, 0, 1) ** 2 * on_top
        nx, ny = nx + (edge - lip) * at_x / rho * 1.1, ny + (edge - lip) * at_y / rho * 1.1
        turned = np.sin(rho * 95 + np.sin(rho * 31) * 2) * 0.018 * on_top
        nx, ny = nx + turned * at_x / rho, ny + turned * at_y / rho
    # Stamped faces are never quite flat: a slight crown makes reflections wander over them.
    nx, ny = nx + at_x * crown * on_top, ny + at_y * crown * on_top
    nx = np.where(outer_wall, out_x, np.where(inner_wall, -at_x / rho, nx))
    ny = np.where(outer_wall, out_y, np.where(inner_wall, -at_y / rho, ny))
    nz = np.where(on_top, nz, 0.5)
    thread = 0.5 + 0.5 * np.cos(2 * np.pi * at_z / shape.pitch)
    occlusion = np.where(inner_wall, (0.25 + 0.55 * at_z / shape.thick) * (0.65 + 0.35 * thread), 1.0)
    occlusion = np.where(outer_wall, 0.45 + 0.5 * at_z / shape.thick, occlusion)
    world = np.stack([nx * c - ny * s, nx * s + ny * c, nz], -1).astype(np.float32)
    world /= np.sqrt((world * world).sum(-1, keepdims=True))
    # Turned grooves spread a highlight into a bow tie that points at the lamp.
    lx, ly, _ = light.to_lamp
    along = np.abs((at_x * c - at_y * s) * lx + (at_x * s + at_y * c) * ly) / rho / max(np.hypot(lx, ly), 1e-6)
    sheen = np.where(on_top, along**5 * rng.uniform(0.1, 0.55) * METALS[shape.metal][1], 0.0)
    occlusion = occlusion * (1 + sheen - 0.12 * on_top)
    tilt = tuple(rng.normal(0, 0.07, 2))
    colour = _shade(rng, hit, world, occlusion.astype(np.float32), shape, light, (tilt[0], tilt[1]))
    return _finish(colour, hit, by, shape.thick * shape.diameter)


def draw(
    rng: np.random.Generator, shape: Shape, light: Light, lean: tuple[float, float], oversample: int | None = None
) -> Sprite:
    """Draw a shape; the sprite's middle pixel corner is the shape's centre on the table."""
    by = oversample or (2 if shape.diameter > 40 else 3)
    return _bolt(rng, shape, light, by) if shape.label == "bolt" else _ring(rng, shape, light, by, lean)
