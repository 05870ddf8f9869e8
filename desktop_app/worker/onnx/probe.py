"""Tries scalings and colour orders on a real picture where the file does not say them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from desktop_app.core.errors import KnownError
from desktop_app.worker.onnx.decoded import Rows
from desktop_app.worker.onnx.facts import Facts
from desktop_app.worker.onnx.families import family
from desktop_app.worker.onnx.inference import Inference
from desktop_app.worker.onnx.instances import place_rows
from desktop_app.worker.onnx.picture import Picture
from desktop_app.worker.onnx.preprocess import to_tensor
from desktop_app.worker.onnx.settings import Wanted
from desktop_app.worker.onnx.spec import (
    BYTE,
    IMAGENET_MEAN,
    IMAGENET_STD,
    UNIT_STD,
    ZERO_MEAN,
    Confidence,
    Identification,
    InputSpec,
    Task,
)

_HALF = (0.5, 0.5, 0.5)
SCALINGS: Mapping[str, Mapping[str, Any]] = {
    "0 to 1": {"scale": BYTE, "mean": ZERO_MEAN, "std": UNIT_STD},
    "0 to 255": {"scale": 1.0, "mean": ZERO_MEAN, "std": UNIT_STD},
    "−1 to 1": {"scale": BYTE, "mean": _HALF, "std": _HALF},
    "as for ImageNet": {"scale": BYTE, "mean": IMAGENET_MEAN, "std": IMAGENET_STD},
}
_TOO_MANY = 0.02
"""Share of rows above one half from which on a scaling is nonsense: the model is saturated."""
_TASKS = (Task.DETECT, Task.SEGMENT, Task.POSE, Task.OBB)


@dataclass(frozen=True)
class Trial:
    """One candidate: what it set, and the sum of the five best scores it led to (None: discarded)."""

    name: str
    spec: InputSpec
    confidence: float | None


def probe(found: Identification, facts: Facts, inference: Inference, picture: Picture) -> Identification:
    """The identification with the scaling and colour order that make the model most confident on this picture.

    Files that settle these themselves, and tasks without scores per thing, come back as they are. What is found is
    *likely* at best.
    """
    image = facts.image
    if found.input_settled or found.task not in _TASKS or image is None or image.dtype == "uint8":
        return found
    trials = [_try(name, spec, found, facts, inference, picture) for name, spec in _candidates(found.input)]
    scored = [trial for trial in trials if trial.confidence is not None]
    if not scored:
        return replace(found, warnings=(*found.warnings, "No scaling gave a sensible result on the picture."))
    best = max(scored, key=lambda trial: trial.confidence or 0.0)
    own = next((trial for trial in scored if trial.spec == found.input), None)
    if not best.confidence or (own is not None and (own.confidence or 0) >= 0.9 * best.confidence):
        return found
    why = f"on the picture it is most confident with values {best.name}"
    warnings = (*found.warnings, "Scaling and colour order were tried out on one picture; check them on others.")
    sure = max(found.confidence, Confidence.LIKELY, key=lambda one: one.rank)
    return replace(found, input=best.spec, confidence=sure, why=(*found.why, why), warnings=warnings)


def _candidates(spec: InputSpec) -> list[tuple[str, InputSpec]]:
    orders = ("rgb", "bgr") if spec.channels == 3 else (spec.color,)
    return [
        (f"{name}, {order.upper()}", replace(spec, color=order, normalize="", **values))
        for name, values in SCALINGS.items()
        for order in orders
    ]


def _try(
    name: str, spec: InputSpec, found: Identification, facts: Facts, inference: Inference, picture: Picture
) -> Trial:
    chosen = family(found.family)
    wanted = Wanted(confidence=0.05)
    tensor, geometry = to_tensor(picture, spec)
    try:
        if chosen is None:
            return Trial(name, spec, None)
        outputs = inference.run(chosen.feeds(tensor, geometry, facts, spec))
        rows = chosen.decode(outputs, geometry, wanted, replace(found, input=spec))
    except (KnownError, IndexError, ValueError, KeyError, TypeError):
        return Trial(name, spec, None)
    if not isinstance(rows, Rows):
        return Trial(name, spec, None)
    all_rows = max(max(value.shape[1:3], default=1) for value in outputs.values() if value.ndim > 1)
    if all_rows > 400 and int((rows.scores > 0.5).sum()) > _TOO_MANY * all_rows:
        return Trial(name, spec, None)
    kept = place_rows(replace(rows, masks=None), geometry, wanted, found.classes).candidates
    return Trial(name, spec, float(np.sum([item["score"] for item in kept[:5]])))
