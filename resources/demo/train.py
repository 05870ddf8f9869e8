"""Trains the demo detector on rendered pictures and exports it to ONNX. CPU only, some 20 minutes on two cores.

    python resources/demo/train.py --out resources/demo/fasteners.onnx

Needs torch==2.13.0, numpy, Pillow and onnx. The product itself needs none of torch: it runs the exported file.

The network is a small anchor-free detector: a plain convolutional trunk, a top-down neck, and one head for the
strides 8, 16 and 32. Training follows task-aligned assignment (Feng et al., TOOD, 2021) with a CIoU box loss and
binary cross-entropy. The exported graph takes `images`, float32 [batch, 3, 320, 320], RGB divided by 255, letterboxed
with grey 114, and gives `output0`, float32 [batch, 4 + classes, anchors]: cx, cy, w, h in input pixels, then one
sigmoid score per class.
"""

import argparse
import math
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import onnx
import torch
from fasteners import LABELS
from PIL import Image
from render import Look, render
from torch import Tensor, nn
from torch.nn import functional

SIZE = 320
STRIDES = (8, 16, 32)
CLASSES = len(LABELS)
FIRST_SEED = 1_000_000  # training pictures; evaluate.py and the sample pictures use other ranges


# --- pictures ------------------------------------------------------------------------------------------------------


def training_picture(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """One letterboxed picture (320, 320, 3) uint8 and its rows (class, x1, y1, x2, y2) in input pixels."""
    rng = np.random.default_rng(seed + 77)
    long = int(rng.integers(320, 560))
    ratio = float(rng.choice([1.0, 0.75, 0.5625, 0.667], p=[0.25, 0.4, 0.2, 0.15]))
    size = (long, int(long * ratio)) if rng.random() < 0.6 else (int(long * ratio), long)
    scene = render(seed, size, Look(oversample=2, clean=bool(rng.random() < 0.3)))
    scale = SIZE / max(size)
    small = scene.image.resize((round(size[0] * scale), round(size[1] * scale)), Image.Resampling.BILINEAR)
    left, top = (SIZE - small.width) // 2, (SIZE - small.height) // 2
    canvas = np.full((SIZE, SIZE, 3), 114, np.uint8)
    canvas[top : top + small.height, left : left + small.width] = np.asarray(small)
    rows = [
        (LABELS.index(b.label), b.x1 * scale + left, b.y1 * scale + top, b.x2 * scale + left, b.y2 * scale + top)
        for b in scene.boxes
    ]
    return canvas, np.asarray(rows, np.float32).reshape(-1, 5)


def load_pictures(count: int, cache: Path | None, processes: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Render the training set, or read it from the cache file of an earlier run."""
    if cache and cache.exists():
        with np.load(cache, allow_pickle=False) as store:
            images, counts, rows = store["images"], store["counts"], store["rows"]
        if len(images) == count:
            return images, np.split(rows, np.cumsum(counts)[:-1])
    started = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        seeds = range(FIRST_SEED, FIRST_SEED + count)
        images, boxes = np.empty((count, SIZE, SIZE, 3), np.uint8), []
        for i, (image, rows) in enumerate(pool.imap(training_picture, seeds, chunksize=16)):
            images[i] = image
            boxes.append(rows)
            if (i + 1) % 500 == 0:
                print(f"rendered {i + 1} of {count}, {time.monotonic() - started:.0f} s", flush=True)
    if cache:
        np.savez(cache, images=images, counts=[len(b) for b in boxes], rows=np.concatenate(boxes))
    return images, boxes


def augment(rng: np.random.Generator, image: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quarter turns, mirroring and colour changes; all of them keep the boxes exact."""
    rows = rows.copy()
    if rng.random() < 0.5:
        image = image[:, ::-1]
        rows[:, [1, 3]] = SIZE - rows[:, [3, 1]]
    for _ in range(rng.integers(4)):
        image = np.rot90(image)
        x1, y1, x2, y2 = (rows[:, i].copy() for i in range(1, 5))
        rows[:, 1], rows[:, 2], rows[:, 3], rows[:, 4] = y1, SIZE - x2, y2, SIZE - x1
    pixels = image.astype(np.float32) / 255.0
    if rng.random() < 0.7:
        gain = rng.uniform(0.75, 1.25) * rng.uniform(0.92, 1.08, 3)
        pixels = np.clip(pixels * gain.astype(np.float32), 0, 1)
    if rng.random() < 0.1:
        pixels = np.repeat(pixels.mean(-1, keepdims=True), 3, -1)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32), rows


# --- network -------------------------------------------------------------------------------------------------------


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.05),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two 3x3 convolutions with a narrow middle, added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(width, width // 2), conv(width // 2, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Head(nn.Module):
    """Per cell: four distances to the sides, in strides, and one logit per class."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.shared = conv(width, 56)
        self.box = nn.Sequential(conv(56, 48, 1), nn.Conv2d(48, 4, 1))
        self.kind = nn.Sequential(conv(56, 48, 1), nn.Conv2d(48, CLASSES, 1))
        nn.init.constant_(self.kind[-1].bias, -math.log((1 - 0.01) / 0.01))
        nn.init.constant_(self.box[-1].bias, 1.5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.shared(x)
        return self.box(x), self.kind(x)


class Detector(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, 16, 3, 2), conv(16, 24, 3, 2))
        self.down8 = nn.Sequential(conv(24, 48, 3, 2), Residual(48), Residual(48))
        self.down16 = nn.Sequential(conv(48, 72, 3, 2), Residual(72), Residual(72))
        self.down32 = nn.Sequential(conv(72, 96, 3, 2), Residual(96), Residual(96))
        self.side8, self.side16, self.side32 = conv(48, 56, 1), conv(72, 56, 1), conv(96, 56, 1)
        self.out8, self.out16, self.out32 = Residual(56), Residual(56), Residual(56)
        self.up16 = conv(56, 56, 3, 2)
        self.up32 = conv(56, 56, 3, 2)
        self.heads = nn.ModuleList(Head(56) for _ in STRIDES)
        centres, strides = [], []
        for stride in STRIDES:
            side = SIZE // stride
            at = (torch.arange(side) + 0.5) * stride
            y, x = torch.meshgrid(at, at, indexing="ij")
            centres.append(torch.stack([x.reshape(-1), y.reshape(-1)], -1))
            strides.append(torch.full((side * side, 1), float(stride)))
        self.register_buffer("centres", torch.cat(centres))
        self.register_buffer("strides", torch.cat(strides))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes [batch, anchors, 4] as x1, y1, x2, y2 in pixels, and class logits [batch, anchors, classes]."""
        c8 = self.down8(self.stem(x))
        c16 = self.down16(c8)
        c32 = self.down32(c16)
        p32 = self.side32(c32)
        p16 = self.side16(c16) + functional.interpolate(p32, scale_factor=2.0, mode="nearest")
        p8 = self.out8(self.side8(c8) + functional.interpolate(p16, scale_factor=2.0, mode="nearest"))
        p16 = self.out16(p16 + self.up16(p8))
        p32 = self.out32(p32 + self.up32(p16))
        sides, kinds = [], []
        for level, head in zip((p8, p16, p32), self.heads, strict=True):
            box, kind = head(level)
            sides.append(box.flatten(2))
            kinds.append(kind.flatten(2))
        reach = functional.softplus(torch.cat(sides, 2).transpose(1, 2)) * self.strides
        boxes = torch.cat([self.centres - reach[..., :2], self.centres + reach[..., 2:]], -1)
        return boxes, torch.cat(kinds, 2).transpose(1, 2)


class Exported(nn.Module):
    """The detector with the output that YOLO exports share."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, images: Tensor) -> Tensor:
        boxes, logits = self.detector(images)
        first, last = boxes[..., :2], boxes[..., 2:]
        return torch.cat([(first + last) / 2, last - first, logits.sigmoid()], -1).transpose(1, 2)


# --- loss ----------------------------------------------------------------------------------------------------------


def overlap(a: Tensor, b: Tensor, complete: bool = False) -> Tensor:
    """IoU of boxes (x1, y1, x2, y2), broadcast; with `complete`, CIoU."""
    wh = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    inner = wh[..., 0] * wh[..., 1]
    aw, bw = (a[..., 2:] - a[..., :2]).clamp(min=1e-3), (b[..., 2:] - b[..., :2]).clamp(min=1e-3)
    iou = inner / (aw[..., 0] * aw[..., 1] + bw[..., 0] * bw[..., 1] - inner + 1e-7)
    if not complete:
        return iou
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    far = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]).square().sum(-1) / 4
    shape = (4 / math.pi**2) * (torch.atan(bw[..., 0] / bw[..., 1]) - torch.atan(aw[..., 0] / aw[..., 1])).square()
    with torch.no_grad():
        weight = shape / (1 - iou + shape + 1e-7)
    return iou - far / (hull.square().sum(-1) + 1e-7) - weight * shape


@torch.no_grad()
def assign(
    boxes: Tensor, scores: Tensor, centres: Tensor, truth: Tensor, kinds: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Anchors for one picture's objects: (anchor index, object index, target score), by the task-aligned metric."""
    inside = ((centres[None] > truth[:, None, :2]) & (centres[None] < truth[:, None, 2:])).all(-1)
    iou = overlap(truth[:, None], boxes[None]) * inside
    metric = scores[:, kinds].T.sqrt() * iou.pow(6.0) * inside
    best, at = metric.topk(10, dim=1)
    chosen = torch.zeros_like(metric, dtype=torch.bool).scatter_(1, at, best > 1e-9)
    # Early on nothing overlaps yet: the anchor nearest to the middle always takes part.
    middle = (truth[:, :2] + truth[:, 2:]) / 2
    nearest = (centres[None] - middle[:, None]).square().sum(-1).argmin(1)
    lonely = ~chosen.any(1)
    chosen[lonely, nearest[lonely]] = True
    owner = (iou + 1e-6 * chosen).masked_fill(~chosen, -1.0).argmax(0)
    anchors = chosen.any(0).nonzero().squeeze(1)
    owner = owner[anchors]
    value = metric[owner, anchors]
    top = torch.zeros(len(truth)).scatter_reduce(0, owner, value, "amax")
    top_iou = torch.zeros(len(truth)).scatter_reduce(0, owner, iou[owner, anchors], "amax")
    target = value / (top[owner] + 1e-9) * top_iou[owner]
    return anchors, owner, target.clamp(min=0.05)


def loss_of(detector: Detector, images: Tensor, rows: list[Tensor]) -> tuple[Tensor, float, float]:
    boxes, logits = detector(images)
    targets = torch.zeros_like(logits)
    picked, wanted, weights = [], [], []
    scores = logits.detach().sigmoid()
    for i, row in enumerate(rows):
        if len(row) == 0:
            continue
        anchors, owner, target = assign(boxes[i].detach(), scores[i], detector.centres, row[:, 1:], row[:, 0].long())
        targets[i, anchors, row[owner, 0].long()] = target
        picked.append(boxes[i, anchors])
        wanted.append(row[owner, 1:])
        weights.append(target)
    total = targets.sum().clamp(min=1.0)
    kind_loss = functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum") / total
    weight = torch.cat(weights)
    box_loss = ((1 - overlap(torch.cat(picked), torch.cat(wanted), complete=True)) * weight).sum() / total
    return 7.5 * box_loss + 0.8 * kind_loss, float(box_loss.detach()), float(kind_loss.detach())


# --- training ------------------------------------------------------------------------------------------------------


def train(
    images: np.ndarray, boxes: list[np.ndarray], steps: int, batch: int, save: Path, start: Path | None, peak: float
) -> Detector:
    """AdamW with a warm-up and a cosine decay; returns the running mean of the weights."""
    torch.manual_seed(0)
    rng = np.random.default_rng(1 if start else 0)
    detector = Detector()
    if start:
        detector.load_state_dict(torch.load(start, weights_only=True))
    mean = Detector()
    mean.load_state_dict(detector.state_dict())
    decayed = [p for p in detector.parameters() if p.ndim > 1]
    plain = [p for p in detector.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}], lr=1e-3, betas=(0.9, 0.98)
    )
    started, order = time.monotonic(), np.empty(0, int)
    seen = [0.0, 0.0]
    for step in range(1, steps + 1):
        rate = peak * min(1.0, step / 50) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        if len(order) < batch:
            order = np.concatenate([order, rng.permutation(len(images))])
        now, order = order[:batch], order[batch:]
        made = [augment(rng, images[i], boxes[i]) for i in now]
        total, box_loss, kind_loss = loss_of(
            detector, torch.from_numpy(np.stack([m[0] for m in made])), [torch.from_numpy(m[1]) for m in made]
        )
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(detector.parameters(), 10.0)
        optimiser.step()
        keep = min(0.995, step / (step + 10))
        with torch.no_grad():
            for to, new in zip(mean.state_dict().values(), detector.state_dict().values(), strict=True):
                if to.dtype.is_floating_point:
                    to.lerp_(new, 1 - keep)
                else:
                    to.copy_(new)
        seen = [seen[0] * 0.98 + box_loss * 0.02, seen[1] * 0.98 + kind_loss * 0.02]
        if step % 25 == 0:
            spent = time.monotonic() - started
            scaled = 1 - 0.98**step
            print(
                f"step {step}, {step * batch / len(images):.1f} rounds, {spent:.0f} s, rate {rate:.5f}, "
                f"box {seen[0] / scaled:.3f}, class {seen[1] / scaled:.3f}",
                flush=True,
            )
        if step % 100 == 0:
            torch.save(mean.state_dict(), save)
    torch.save(mean.state_dict(), save)
    return mean.eval()


def fuse(module: nn.Module) -> None:
    """Fold every batch normalisation into the convolution before it."""
    for name, child in module.named_children():
        if isinstance(child, nn.Sequential) and len(child) == 3 and isinstance(child[1], nn.BatchNorm2d):
            folded = torch.nn.utils.fusion.fuse_conv_bn_eval(child[0], child[1])
            setattr(module, name, nn.Sequential(folded, nn.ReLU()))
        else:
            fuse(child)


def export(detector: Detector, target: Path) -> None:
    detector.eval()
    fuse(detector)
    torch.onnx.export(
        Exported(detector).eval(),
        (torch.zeros(1, 3, SIZE, SIZE),),
        str(target),
        input_names=["images"],
        output_names=["output0"],
        dynamic_axes={"images": {0: "batch"}, "output0": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    model = onnx.load(str(target))
    for key, value in {
        "description": "Plugdeck demo detector: bolts, nuts and washers",
        "author": "Plugdeck",
        "license": "MIT",
        "version": "1.0.0",
        "task": "detect",
        "stride": "32",
        "batch": "1",
        "imgsz": f"[{SIZE}, {SIZE}]",
        "names": str(dict(enumerate(LABELS))),
    }.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    model.producer_name, model.producer_version, model.doc_string = "plugdeck", "1.0.0", ""
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    onnx.checker.check_model(model)
    onnx.save(model, str(target))
    print(f"{target.name}: {target.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("fasteners.onnx"))
    parser.add_argument("--pictures", type=int, default=3000)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--peak", type=float, default=4e-3, help="the highest learning rate")
    parser.add_argument("--start", type=Path, help="go on from this checkpoint, best with a lower --peak")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", type=Path, help="keep the rendered training pictures in this .npz file")
    parser.add_argument("--weights", type=Path, default=Path("fasteners.pt"), help="where checkpoints go")
    parser.add_argument("--export-only", action="store_true", help="export the checkpoint without training")
    options = parser.parse_args()
    if options.export_only:
        detector = Detector()
        detector.load_state_dict(torch.load(options.weights, weights_only=True))
    else:
        images, boxes = load_pictures(options.pictures, options.cache, min(options.threads, os.cpu_count() or 1))
        torch.set_num_threads(options.threads)
        detector = train(images, boxes, options.steps, options.batch, options.weights, options.start, options.peak)
    export(detector, options.out)


if __name__ == "__main__":
    main()
