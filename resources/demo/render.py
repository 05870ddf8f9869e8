"""Renders the demo pictures: fasteners on a table or a tray, with exact boxes.

    python resources/demo/render.py --assets resources/demo/assets     the twelve sample pictures and truth.json
    python resources/demo/render.py --seed 7 --out picture.jpg         one picture, boxes on standard output

Needs numpy and Pillow only. The same seed and size give the same picture.
"""

import argparse
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from fasteners import LABELS, Light, Shape, Sprite, draw, draw_shape
from PIL import Image
from surfaces import SURFACES, Plane, add_tray, blur, noise


@dataclass(frozen=True)
class Box:
    """The true box of one fastener, in pixels of the upright picture."""

    label: str
    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True)
class Scene:
    """A rendered picture with its boxes; `quality` is the JPEG quality its artefacts come from."""

    image: Image.Image
    boxes: list[Box]
    surface: str
    quality: int


@dataclass(frozen=True)
class Look:
    """What a caller may fix about a scene; everything left None is drawn from the seed."""

    surface: str | None = None
    tray: bool | None = None
    scale: float | None = None  # nominal thread diameter as a share of the longer side
    count: int | None = None
    clean: bool = False  # a good camera: little blur and noise, no hard JPEG
    oversample: int | None = None  # samples per pixel and axis; None: 3, or 2 for large shapes


def _light(rng: np.random.Generator) -> Light:
    turn, rise = rng.uniform(0, 2 * np.pi), rng.uniform(0.65, 1.15)
    away = turn + np.pi + rng.uniform(-0.8, 0.8)
    low = rng.uniform(0.3, 0.7)
    return Light(
        to_lamp=(float(np.cos(turn) * np.cos(rise)), float(np.sin(turn) * np.cos(rise)), float(np.sin(rise))),
        spread=float(rng.uniform(0.03, 0.12)),
        power=float(rng.uniform(0.65, 1.15)),
        ambient=float(rng.uniform(0.75, 1.2)),
        fill=(float(np.cos(away) * np.cos(low)), float(np.sin(away) * np.cos(low)), float(np.sin(low))),
        shadow=float(rng.uniform(0.35, 0.7)),
    )


def _place(
    rng: np.random.Generator, w: int, h: int, margin: float, unit: float, count: int
) -> list[tuple[Shape, float, float]]:
    placed: list[tuple[Shape, float, float]] = []
    taken: list[tuple[float, float, float]] = []
    slack = rng.uniform(0.82, 1.12)
    for _ in range(count):
        label = LABELS[rng.choice(3, p=[0.36, 0.33, 0.31])]
        shape = draw_shape(rng, label, float(unit * rng.uniform(0.72, 1.3)))
        discs = shape.discs()
        spill = 0.5 * unit if rng.random() < 0.06 and margin == 0 else 0.0
        for _ in range(40):
            low_x = margin - spill - min(x - r for x, _, r in discs)
            high_x = w - margin + spill - max(x + r for x, _, r in discs)
            low_y = margin - spill - min(y - r for _, y, r in discs)
            high_y = h - margin + spill - max(y + r for _, y, r in discs)
            if high_x <= low_x or high_y <= low_y:
                break
            cx, cy = float(rng.uniform(low_x, high_x)), float(rng.uniform(low_y, high_y))
            mine = [(cx + x, cy + y, r) for x, y, r in discs]
            if all(np.hypot(a - x, b - y) > (r + q) * slack for a, b, r in mine for x, y, q in taken):
                placed.append((shape, cx, cy))
                taken += mine
                break
    return placed


def _lay(canvas: Plane, sprite: Sprite, cx: float, cy: float, light: Light) -> tuple[float, float, float, float]:
    """Put a sprite with its shadows on the canvas; returns its box, clipped to the canvas."""
    h, w = canvas.shape[:2]
    sh, sw = sprite.alpha.shape
    lx, ly, lz = light.to_lamp
    run = min(1.0 / max(lz, 0.2) * np.hypot(lx, ly), 1.0) * sprite.height
    ux, uy = -lx / max(np.hypot(lx, ly), 1e-6), -ly / max(np.hypot(lx, ly), 1e-6)
    soft = max(sprite.height * (0.12 + light.spread * 1.6), 0.6)
    pad = int(np.ceil(run + soft * 3)) + 2
    left, top = round(cx) - sw // 2, round(cy) - sh // 2
    padded = np.pad(sprite.alpha, pad)
    cast = np.zeros_like(padded)
    steps = int(np.clip(np.ceil(run / 1.5), 2, 14))
    for i in range(1, steps + 1):
        reach = run * i / steps
        cast = np.maximum(cast, np.roll(padded, (round(uy * reach), round(ux * reach)), (0, 1)))
    cast = blur(cast, soft) * light.shadow
    near = blur(padded, max(sprite.height * 0.22, 0.8)) * 0.45
    dark = 1 - (1 - cast) * (1 - near)
    x0, y0, x1, y1 = left - pad, top - pad, left + sw + pad, top + sh + pad
    cx0, cy0, cx1, cy1 = max(x0, 0), max(y0, 0), min(x1, w), min(y1, h)
    if cx1 <= cx0 or cy1 <= cy0:
        return (0.0, 0.0, 0.0, 0.0)
    window = (slice(cy0 - y0, cy1 - y0), slice(cx0 - x0, cx1 - x0))
    region = canvas[cy0:cy1, cx0:cx1]
    region *= 1 - dark[window][..., None] * np.asarray([1.0, 0.98, 0.93], np.float32)
    cover = padded[window][..., None]
    colour = np.pad(sprite.rgb, ((pad, pad), (pad, pad), (0, 0)))[window]
    region[:] = region * (1 - cover) + colour * cover
    rows, cols = np.flatnonzero((sprite.alpha > 0.5).any(1)), np.flatnonzero((sprite.alpha > 0.5).any(0))
    return (
        float(max(left + cols[0], 0)),
        float(max(top + rows[0], 0)),
        float(min(left + cols[-1] + 1, w)),
        float(min(top + rows[-1] + 1, h)),
    )


def _photograph(rng: np.random.Generator, canvas: Plane, unit: float, clean: bool) -> tuple[Image.Image, int]:
    """Lens, sensor and JPEG: fall-off, white balance, blur, noise and artefacts."""
    h, w = canvas.shape[:2]
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    far = ((x / w - 0.5) ** 2 + (y / h - 0.5) ** 2) * 2
    canvas = canvas * (1 - far * rng.uniform(0.05, 0.35))[..., None]
    warm = rng.normal(0, 0.025 if clean else 0.05)
    gain = np.asarray([1 + warm, 1.0, 1 - warm], np.float32) * rng.uniform(0.95, 1.08)
    if not clean:
        gain = gain * rng.uniform(0.78, 1.12)
    canvas = np.clip(canvas * gain, 0, 1) ** (1.0 if clean else rng.uniform(0.85, 1.18))
    radius = unit * (rng.uniform(0.004, 0.012) if clean else rng.uniform(0.0, 0.055))
    canvas = np.stack([blur(canvas[..., i], radius) for i in range(3)], -1)
    level = rng.uniform(0.004, 0.010) if clean else rng.uniform(0.004, 0.035)
    canvas = canvas + rng.normal(0, level, (h, w, 1)) * 0.7 + rng.normal(0, level, (h, w, 3)) * 0.5
    picture = Image.fromarray((np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8))
    quality = int(rng.integers(84, 92)) if clean else int(rng.integers(45, 95))
    return picture, quality


def _compress(picture: Image.Image, quality: int) -> Image.Image:
    store = io.BytesIO()
    picture.save(store, "JPEG", quality=quality)
    store.seek(0)
    return Image.open(store).convert("RGB")


def render(seed: int, size: tuple[int, int] = (640, 480), look: Look | None = None) -> Scene:
    """Render the scene of a seed at (width, height) pixels, JPEG artefacts included."""
    look = look or Look()
    rng = np.random.default_rng(seed)
    w, h = size
    scale = look.scale or float(rng.uniform(0.030, 0.062))
    unit = scale * max(w, h)
    light = _light(rng)
    surface = look.surface or str(rng.choice(list(SURFACES)))
    ground = SURFACES[surface](rng, w, h, unit)
    if rng.random() < 0.4:
        ground = np.ascontiguousarray(ground[::-1, ::-1])
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    lx, ly, _ = light.to_lamp
    slope = ((x / w - 0.5) * lx + (y / h - 0.5) * ly) * rng.uniform(0.15, 0.7)
    level = (0.72 + 0.28 * light.power) * (1 + slope + noise(rng, w, h, w * 0.5, h * 0.5) * 0.05)
    margin = 0
    if look.tray if look.tray is not None else rng.random() < 0.35:
        outer = SURFACES[str(rng.choice(["wood", "steel", "rubber", "linen"]))](rng, w, h, unit)
        ground, margin = add_tray(rng, ground, outer, (lx, ly), unit)
        margin += int(0.2 * unit)
    canvas = (ground * level[..., None]).astype(np.float32)
    room = (w * h) / (unit * unit)
    count = look.count or int(np.clip(rng.normal(room / 26, room / 70), 3, 22))
    depth = rng.uniform(0.15, 0.75)
    eye = (w * rng.uniform(0.35, 0.65), h * rng.uniform(0.35, 0.65))
    boxes: list[Box] = []
    for shape, cx, cy in _place(rng, w, h, float(margin), unit, count):
        lean = (float((cx - eye[0]) / max(w, h) * depth), float((cy - eye[1]) / max(w, h) * depth))
        x1, y1, x2, y2 = _lay(canvas, draw(rng, shape, light, lean, look.oversample), cx, cy, light)
        if x2 - x1 > 2 and y2 - y1 > 2:
            boxes.append(Box(shape.label, x1, y1, x2, y2))
    picture, quality = _photograph(rng, canvas, unit, look.clean)
    return Scene(_compress(picture, quality), boxes, surface, quality)


# name, seed, upright size, look, EXIF orientation. Seeds here are used nowhere else.
ASSETS: list[tuple[str, int, tuple[int, int], Look, int]] = [
    ("tray-01", 910_001, (1280, 960), Look("wood", True, 0.040, 14, True), 1),
    ("tray-02", 910_002, (1280, 960), Look("mat", False, 0.042, 15, True), 1),
    ("tray-03", 910_003, (960, 1280), Look("foam", False, 0.040, 14, True), 1),
    ("tray-04", 910_004, (1600, 900), Look("paper", False, 0.034, 16, True), 1),
    ("tray-05", 910_005, (800, 800), Look("wood", False, 0.052, 11, True), 1),
    ("tray-06", 910_006, (960, 1280), Look("steel", False, 0.042, 13, True), 6),
    ("tray-07", 910_007, (1280, 960), Look("rubber", True, 0.042, 13, True), 1),
    ("tray-08", 910_008, (1024, 768), Look("cork", False, 0.048, 12, True), 1),
    ("tray-09", 910_009, (1600, 900), Look("mat", True, 0.034, 15, True), 1),
    ("tray-10", 910_010, (640, 960), Look("linen", False, 0.046, 9, True), 1),
    ("tray-11", 910_011, (1000, 1000), Look("foam", True, 0.044, 12, True), 1),
    ("tray-12", 910_012, (1440, 810), Look("wood", False, 0.036, 18, True), 1),
]
MOST_BYTES = 240_000


def write_assets(folder: Path) -> None:
    """Write the sample pictures and truth.json (sizes and boxes are those of the upright picture)."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = []
    for name, seed, size, look, orientation in ASSETS:
        scene = render(seed, size, look)
        stored, exif = scene.image, Image.Exif()
        if orientation == 6:  # viewers turn the stored picture by 90 degrees clockwise
            stored = stored.transpose(Image.Transpose.ROTATE_90)
            exif[0x0112] = 6
        for quality in range(88, 40, -4):
            store = io.BytesIO()
            stored.save(store, "JPEG", quality=quality, optimize=True, exif=exif)
            if store.tell() <= MOST_BYTES:
                break
        (folder / f"{name}.jpg").write_bytes(store.getvalue())
        truth.append(
            {
                "file": f"{name}.jpg",
                "width": size[0],
                "height": size[1],
                "orientation": orientation,
                "seed": seed,
                "surface": scene.surface,
                "boxes": [asdict(box) for box in scene.boxes],
            }
        )
    (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=Path, help="write the sample pictures into this folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, nargs=2, default=(1280, 960), metavar=("W", "H"))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.assets:
        write_assets(options.assets)
    if options.out:
        scene = render(options.seed, tuple(options.size))
        scene.image.save(options.out, quality=92)
        print(json.dumps([asdict(box) for box in scene.boxes], indent=1))


if __name__ == "__main__":
    main()
