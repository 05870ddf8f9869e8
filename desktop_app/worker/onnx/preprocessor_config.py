"""Input settings out of what Hugging Face, timm and Paddle put beside a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop_app.worker.onnx.facts import Facts
from desktop_app.worker.onnx.spec import BYTE, IMAGENET_MEAN, IMAGENET_STD, UNIT_STD, ZERO_MEAN, Resize


def hugging_face(facts: Facts) -> dict[str, Any]:
    """Changes to an InputSpec from `preprocessor_config.json`; empty where it is not there."""
    config = facts.sidecars.mapping("preprocessor_config.json")
    if not config or facts.image is None:
        return {}
    changes: dict[str, Any] = {}
    scaled = config.get("do_rescale", True)
    changes["scale"] = float(config.get("rescale_factor", BYTE)) if scaled else 1.0
    if config.get("do_normalize", True):
        changes["mean"] = _numbers(config.get("image_mean"), IMAGENET_MEAN)
        changes["std"] = _numbers(config.get("image_std"), IMAGENET_STD)
    else:
        changes["mean"], changes["std"] = ZERO_MEAN, UNIT_STD
    size = config.get("size")
    size = {"shortest_edge": size} if isinstance(size, int) else size if isinstance(size, Mapping) else {}
    crop = config.get("crop_size")
    crop = {"height": crop, "width": crop} if isinstance(crop, int) else crop if isinstance(crop, Mapping) else {}
    fixed = not facts.image.dynamic
    if config.get("do_center_crop") and isinstance(crop.get("width"), int):
        changes["resize"] = Resize.CROP
        changes |= {} if fixed else {"width": crop["width"], "height": int(crop.get("height", crop["width"]))}
        short = size.get("shortest_edge") or min(size.get("width", 0), size.get("height", 0))
        if isinstance(short, int) and short >= crop["width"]:
            changes["crop_ratio"] = crop["width"] / short
    elif isinstance(size.get("shortest_edge"), int) and "longest_edge" in size:
        if not fixed:
            longest = size.get("longest_edge")
            changes |= {"resize": Resize.SHORTEST, "width": size["shortest_edge"], "height": size["shortest_edge"]}
            changes["longest"] = int(longest) if isinstance(longest, int) else 1333
        else:
            changes["resize"] = Resize.STRETCH
    elif isinstance(size.get("width"), int) and isinstance(size.get("height"), int):
        changes["resize"] = Resize.STRETCH
        changes |= {} if fixed else {"width": size["width"], "height": size["height"]}
    elif isinstance(size.get("shortest_edge"), int):
        # ConvNeXt's way: shorter side to size / crop_pct, then cut, below 384 pixels.
        changes["resize"] = Resize.CROP
        changes["crop_ratio"] = float(config.get("crop_pct", 1.0) or 1.0)
        changes |= {} if fixed else {"width": size["shortest_edge"], "height": size["shortest_edge"]}
    return changes


def timm(facts: Facts) -> dict[str, Any]:
    """Changes from the `pretrained_cfg` of a timm `config.json`; empty where it is not there."""
    config = facts.sidecars.mapping("config.json")
    found = config.get("pretrained_cfg")
    if not isinstance(found, Mapping):
        return {}
    changes: dict[str, Any] = {
        "mean": _numbers(found.get("mean"), IMAGENET_MEAN),
        "std": _numbers(found.get("std"), IMAGENET_STD),
        "scale": BYTE,
    }
    squashed = found.get("crop_mode") == "squash"
    changes["resize"] = Resize.STRETCH if squashed else Resize.CROP
    ratio = found.get("crop_pct")
    if isinstance(ratio, int | float) and 0 < ratio <= 1:
        changes["crop_ratio"] = float(ratio)
    return changes


def roboflow(facts: Facts) -> dict[str, Any]:
    """Changes from the `network_input` of Roboflow's `inference_config.json`, which holds for every family."""
    config = facts.sidecars.mapping("inference_config.json").get("network_input")
    if not isinstance(config, Mapping) or facts.image is None:
        return {}
    changes: dict[str, Any] = {}
    resize = {
        "stretch": Resize.STRETCH,
        "letterbox": Resize.LETTERBOX,
        "letterbox-reflect-edges": Resize.LETTERBOX,
        "center-crop": Resize.CROP,
    }.get(str(config.get("resize_mode")))
    if resize is not None:
        changes["resize"] = resize
    if config.get("color_mode") in ("rgb", "bgr") and facts.image.channels == 3:
        changes["color"] = config["color_mode"]
    if isinstance(config.get("padding_value"), int):
        changes["pad"] = config["padding_value"]
    if facts.image.dtype == "uint8":
        return changes
    factor, normal = config.get("scaling_factor"), config.get("normalization")
    if isinstance(factor, int | float) and factor > 0:
        changes["scale"] = 1 / factor
    if isinstance(normal, list) and len(normal) == 2:
        changes["mean"], changes["std"] = _numbers(normal[0], ZERO_MEAN), _numbers(normal[1], UNIT_STD)
    return changes


def paddle(facts: Facts) -> dict[str, Any]:
    """Changes from the `Preprocess` list of `infer_cfg.yml` or the transforms of PaddleX's `inference.yml`."""
    config = facts.sidecars.mapping("infer_cfg.yml") or facts.sidecars.mapping("inference.yml")
    steps = config.get("Preprocess")
    changes: dict[str, Any] = {}
    for step in steps if isinstance(steps, list) else []:
        if not isinstance(step, Mapping):
            continue
        kind = step.get("type")
        if kind == "NormalizeImage":
            changes["scale"] = BYTE if step.get("is_scale", True) else 1.0
            plain = step.get("norm_type") == "none"
            changes["mean"] = ZERO_MEAN if plain else _numbers(step.get("mean"), IMAGENET_MEAN)
            changes["std"] = UNIT_STD if plain else _numbers(step.get("std"), IMAGENET_STD)
        elif kind == "Resize":
            size = step.get("target_size")
            changes["resize"] = Resize.TOPLEFT if step.get("keep_ratio") else Resize.STRETCH
            if isinstance(size, list) and len(size) == 2 and facts.image is not None and facts.image.dynamic:
                changes["height"], changes["width"] = int(size[0]), int(size[1])
    return changes


def mmdeploy(facts: Facts) -> dict[str, Any]:
    """Changes from the transforms in mmdeploy's `pipeline.json`."""
    config = facts.sidecars.mapping("pipeline.json")
    changes: dict[str, Any] = {}
    for step in _transforms(config):
        kind = step.get("type")
        if kind == "Normalize":
            changes |= {"scale": 1.0, "mean": _numbers(step.get("mean"), ZERO_MEAN)}
            changes |= {"std": _numbers(step.get("std"), UNIT_STD), "color": "rgb" if step.get("to_rgb") else "bgr"}
        elif kind == "Resize":
            changes["resize"] = Resize.TOPLEFT if step.get("keep_ratio") else Resize.STRETCH
        elif kind == "CenterCrop":
            changes["resize"] = Resize.CROP
        elif kind == "Pad":
            value = step.get("pad_val")
            value = value.get("img") if isinstance(value, Mapping) else value
            value = value[0] if isinstance(value, list) and value else value
            changes["pad"] = int(value) if isinstance(value, int | float) else 0
    return changes


def _transforms(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    pipeline = config.get("pipeline")
    tasks = pipeline.get("tasks") if isinstance(pipeline, Mapping) else None
    for task in tasks if isinstance(tasks, list) else []:
        steps = task.get("transforms") if isinstance(task, Mapping) else None
        if isinstance(steps, list):
            return [step for step in steps if isinstance(step, Mapping)]
    return []


def _numbers(value: Any, default: tuple[float, ...]) -> tuple[float, ...]:
    if isinstance(value, list) and value and all(isinstance(item, int | float) for item in value):
        return tuple(float(item) for item in value)
    return default
