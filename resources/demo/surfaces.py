"""Table tops and trays for the demo pictures: wood, foam, cutting mat, paper, steel, rubber, cork, linen.

Every function draws from the generator it is given and from nothing else, so a seed fixes the picture.
Pictures are float32 arrays of shape (height, width, 3), RGB, 0 to 1.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Plane = NDArray[np.float32]


def noise(rng: np.random.Generator, w: int, h: int, cell_x: float, cell_y: float | None = None) -> Plane:
    """Smooth noise of shape (h, w), mean 0, about -1 to 1, with blobs of cell_x by cell_y pixels."""
    cell_y = cell_x if cell_y is None else cell_y
    grid_w = max(2, int(np.ceil(w / max(cell_x, 1.0))) + 1)
    grid_h = max(2, int(np.ceil(h / max(cell_y, 1.0))) + 1)
    grid = rng.uniform(-1.0, 1.0, (grid_h, grid_w)).astype(np.float32)
    return np.asarray(Image.fromarray(grid).resize((w, h), Image.Resampling.BICUBIC), dtype=np.float32)


def blur(plane: Plane, radius: float) -> Plane:
    """Gaussian blur of a (h, w) plane with values from 0 to 1; radius in pixels."""
    if radius < 0.15:
        return plane
    picture = Image.fromarray((np.clip(plane, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32) / 255.0


def mix(first: tuple[float, ...], second: tuple[float, ...], amount: Plane) -> Plane:
    """Blend two colours by a (h, w) plane of 0 to 1."""
    a = np.clip(amount, 0.0, 1.0)[..., None]
    return (np.asarray(first, np.float32) * (1 - a) + np.asarray(second, np.float32) * a).astype(np.float32)


def _lines(size: int, spacing: float, width: float, offset: float) -> Plane:
    at = (np.arange(size, dtype=np.float32) + offset) % spacing
    distance = np.minimum(at, spacing - at)
    return np.clip(width / 2 + 0.5 - distance, 0.0, 1.0)


def wood(rng: np.random.Generator, w: int, h: int, unit: float) -> Plane:
    light, dark = [
        ((0.80, 0.62, 0.42), (0.60, 0.42, 0.25)),
        ((0.66, 0.46, 0.29), (0.43, 0.27, 0.16)),
        ((0.87, 0.75, 0.57), (0.71, 0.56, 0.38)),
        ((0.45, 0.31, 0.21), (0.27, 0.18, 0.12)),
    ][rng.integers(4)]
    out = np.empty((h, w, 3), np.float32)
    plank = int(unit * rng.uniform(4.5, 9.0)) + 2
    top = -int(rng.integers(plank))
    while top < h:
        y0, y1 = max(top, 0), min(top + plank, h)
        if y1 > y0:
            rows = y1 - y0
            warp = noise(rng, w, rows, unit * 9, unit * 2.5) * 2.2 + noise(rng, w, rows, unit * 3, unit) * 0.35
            y = (np.arange(rows, dtype=np.float32)[:, None] / unit) * rng.uniform(1.2, 2.6)
            rings = 0.5 + 0.5 * np.sin((y + warp * 1.2) * 2 * np.pi * 0.8)
            streak = noise(rng, w, rows, unit * 5, 1.6) * 0.5 + noise(rng, w, rows, unit * 1.2, 1.0) * 0.3
            tone = rings**2 * 0.55 + streak * 0.38 + noise(rng, w, rows, unit * 8, unit * 3) * 0.25 + 0.25
            board = mix(light, dark, tone) * rng.uniform(0.9, 1.08)
            pores = noise(rng, w, rows, unit * 0.8, 1.0)
            board *= (1.0 - 0.16 * np.clip(pores - 0.55, 0, 1) / 0.45)[..., None]
            edge = np.minimum(np.arange(y0, y1) - top, top + plank - 1 - np.arange(y0, y1)).astype(np.float32)
            board *= (1.0 - 0.5 * np.exp(-edge / max(unit * 0.035, 0.5)))[:, None, None]
            out[y0:y1] = board
        top += plank
    return out


def foam(rng: np.random.Generator, w: int, h: int, unit: float) -> Plane:
    base = rng.uniform(0.28, 0.62)
    tint = np.asarray([1.0, 1.0 + rng.uniform(-0.02, 0.02), 1.0 + rng.uniform(-0.02, 0.06)], np.float32)
    pores = noise(rng, w, h, max(unit * 0.09, 1.2))
    plane = base + noise(rng, w, h, max(unit * 0.05, 1.0)) * 0.045 + noise(rng, w, h, unit * 6) * 0.025
    plane -= np.clip(pores - 0.35, 0, 1) * 0.22
    relief = np.roll(pores, 1, 0) - pores
    return ((plane + relief * 0.05)[..., None] * tint).astype(np.float32)


def mat(rng: np.random.Generator, w: int, h: int, unit: float) -> Plane:
    base = [(0.13, 0.29, 0.52), (0.10, 0.36, 0.60), (0.12, 0.38, 0.33), (0.20, 0.22, 0.26), (0.09, 0.20, 0.38)][
        rng.integers(5)
    ]
    plane = 1.0 + noise(rng, w, h, 1.2) * 0.05 + noise(rng, w, h, unit * 5) * 0.05
    out = np.asarray(base, np.float32) * plane[..., None]
    if rng.random() < 0.75:
        spacing, width = unit * rng.uniform(1.0, 1.6), max(unit * 0.03, 0.5)
        across, down = rng.uniform(0, spacing, 2)
        fine = np.maximum(_lines(h, spacing, width, down)[:, None], _lines(w, spacing, width, across)[None])
        coarse = np.maximum(
            _lines(h, spacing * 5, width * 2.2, down)[:, None], _lines(w, spacing * 5, width * 2.2, across)[None]
        )
        ink = np.maximum(fine * 0.20, coarse * 0.38)[..., None] * rng.uniform(0.6, 1.1)
        out = out * (1 - ink) + np.asarray([0.82, 0.90, 0.95], np.float32) * ink
    cuts = noise(rng, w, h, unit * 6, 1.2)
    return (out + (np.clip(cuts - 0.82, 0, 1) * 0.25)[..., None]).astype(np.float32)


def paper(rng: np.random.Generator, w: int, h: int, unit: float) -> Plane:
    base = np.asarray([(0.90, 0.89, 0.86), (0.86, 0.83, 0.76), (0.93, 0.93, 0.93), (0.72, 0.60, 0.45)][rng.integers(4)])
    plane = 1 + noise(rng, w, h, 1.5) * 0.018 + noise(rng, w, h, unit * 0.5) * 0.012 + noise(rng, w, h, unit * 6) * 0.03
    fold = noise(rng, w, h, unit * 10)
    out = base * (plane + np.gradient(fold, axis=1) * unit * 0.10)[..., None]
    kind = rng.random()
    if kind < 0.45:
        spacing = unit * rng.uniform(0.7, 1.2)
        ink = _lines(h, spacing, max(unit * 0.025, 0.4), rng.uniform(0, spacing))[:, None] * np.ones((1, w))
        if kind < 0.28:
            ink = np.maximum(ink, _lines(w, spacing, max(unit * 0.025, 0.4), rng.uniform(0, spacing))[None])
        ink = (ink * rng.uniform(0.18, 0.4))[..., None]
        out = out * (1 - ink) + np.asarray([0.35, 0.52, 0.72]) * ink
    return out.astype(np.float32)


def steel(rng: np.random.Generator, w: int, h: int, unit: float) -> Plane:
    base = rng.uniform(0.50, 0.72)
    streak = noise(rng, w, h, unit * 8, 1.0) * 0.5 + noise(rng, w, h, unit * 3, 1.3) * 0.3
    sheen = noise(rng, w, h, w * 0.7, h * 0.5) * 0.10
    plane = base * (1 + streak * 0.10 + sheen)
    scratches = np.clip(noise(rng, w, h, unit * 4, 1.0) - 0.86, 0, 1) * 0.6
    tint = np.asarray([0.985, 1.0, 1.02 + rng.uniform(-0.02, 0.03)], np.float32)
    return ((plane + scratches)[..., None] * tint).astype(np.float32)


def rubber(rng: np.random.Generator, w: int, h: int, unit: float) -> Plane:
    base = rng.uniform(0.13, 0.24)
    plane = (
        base + noise(rng, w, h, 1.2) * 0.02 + noise(rng, w, h, unit * 0.25) * 0.012 + noise(rng, w, h, unit * 6) * 0.02
    )
    if rng.random() < 0.5:
        spacing = unit * rng.uniform(0.6, 1.0)
        plane = plane * (1 - 0.28 * _lines(h, spacing, unit * 0.18, 0.0)[:, None])
    return (plane[..., None] * np.asarray([1.0, 1.0, rng.uniform(0.98, 1.1)], np.float32)).astype(np.float32)


def cork(rng: np.random.Generator, w: int, h: int, unit: float) -> Plane:
    grain = noise(rng, w, h, unit * 0.35) * 0.5 + noise(rng, w, h, unit * 0.16) * 0.4 + noise(rng, w, h, 1.3) * 0.2
    out = mix((0.78, 0.60, 0.41), (0.57, 0.39, 0.24), 0.45 + grain * 0.55)
    dark = np.clip(noise(rng, w, h, unit * 0.22) - 0.5, 0, 1) * 0.8
    return (out * (1 - dark[..., None] * 0.7)).astype(np.float32)


def linen(rng: np.random.Generator, w: int, h: int, unit: float) -> Plane:
    base = np.asarray([(0.76, 0.72, 0.64), (0.48, 0.52, 0.56), (0.36, 0.40, 0.34), (0.62, 0.26, 0.22)][rng.integers(4)])
    pitch = max(unit * 0.13, 2.6)
    warp = noise(rng, w, h, unit * 2) * 0.8
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    weave = np.sin((x + warp) * 2 * np.pi / pitch) * np.sin((y + warp) * 2 * np.pi / pitch)
    threads = noise(rng, w, h, unit * 2, pitch * 0.7) * 0.06 + noise(rng, w, h, pitch * 0.7, unit * 2) * 0.06
    return (base * (1 + weave * 0.06 + threads + noise(rng, w, h, unit * 6) * 0.03)[..., None]).astype(np.float32)


SURFACES: dict[str, Callable[[np.random.Generator, int, int, float], Plane]] = {
    "wood": wood,
    "foam": foam,
    "mat": mat,
    "paper": paper,
    "steel": steel,
    "rubber": rubber,
    "cork": cork,
    "linen": linen,
}


def add_tray(
    rng: np.random.Generator, inner: Plane, outer: Plane, light_xy: tuple[float, float], unit: float
) -> tuple[Plane, int]:
    """Lay `inner` into a tray that stands on `outer`; returns the picture and the margin in pixels it takes."""
    h, w = inner.shape[:2]
    margin = int(unit * rng.uniform(0.9, 1.6))
    rim = max(unit * rng.uniform(0.28, 0.5), 2.0)
    corner = unit * rng.uniform(0.8, 2.0)

    def plate(inset: float, radius: float) -> Plane:
        big = Image.new("L", (w * 2, h * 2), 0)
        box = (inset * 2, inset * 2, (w - inset) * 2, (h - inset) * 2)
        ImageDraw.Draw(big).rounded_rectangle(box, max(radius, 1.0) * 2, fill=255)
        return np.asarray(big.resize((w, h), Image.Resampling.BOX), dtype=np.float32) / 255.0

    body, floor = plate(margin - rim, corner + rim), plate(margin, corner)
    shift = (int(-light_xy[1] * unit * 0.4), int(-light_xy[0] * unit * 0.4))
    fallen = blur(np.roll(body, shift, (0, 1)), unit * 0.3)
    picture = outer * (1 - 0.55 * fallen[..., None])
    colour = [(0.30, 0.31, 0.33), (0.66, 0.68, 0.70), (0.14, 0.15, 0.17), (0.16, 0.27, 0.45), (0.55, 0.40, 0.26)]
    slope_y, slope_x = np.gradient(blur(body, rim * 0.45) - blur(floor, rim * 0.45))
    lit = 1 - (slope_x * light_xy[0] + slope_y * light_xy[1]) * rim * 1.1
    wall = np.asarray(colour[rng.integers(len(colour))], np.float32) * np.clip(lit, 0.45, 1.7)[..., None]
    picture = picture * (1 - body[..., None]) + wall * body[..., None]
    walls_shadow = blur(1 - np.roll(floor, shift, (0, 1)), unit * 0.22)
    ground = inner * (1 - 0.5 * np.clip(walls_shadow, 0, 1)[..., None])
    return (picture * (1 - floor[..., None]) + ground * floor[..., None]).astype(np.float32), margin
