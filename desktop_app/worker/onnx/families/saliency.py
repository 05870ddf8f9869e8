"""Foreground masks: U²-Net, ISNet, BiRefNet, MODNet and other maps of one channel."""

from __future__ import annotations

from typing import Any, ClassVar

from desktop_app.worker.onnx.decoded import Areas, sigmoid
from desktop_app.worker.onnx.families.base import (
    Array,
    Confidence,
    Decoded,
    Facts,
    Family,
    Geometry,
    Identification,
    Mapping,
    Resize,
    Task,
    Wanted,
    first,
    input_spec,
)
from desktop_app.worker.onnx.spec import IMAGENET_MEAN, IMAGENET_STD

_HALF = (0.5, 0.5, 0.5)


class Saliency(Family):
    """`[1, 1, H, W]`; of several maps of the picture's size, the first counts."""

    name: ClassVar[str] = "saliency"
    order: ClassVar[int] = 50

    def identify(self, facts: Facts) -> Identification | None:
        image = facts.image
        if image is None or len(facts.inputs) != 1 or image.channels != 3:
            return None
        size = (image.height, image.width)
        shape = facts.shape(0)
        last = len(shape) == 4 and shape[3] == 1 and shape[1:3] == size
        if not last and not (len(shape) == 4 and shape[1] == 1 and shape[2:] == size):
            return None
        if facts.graph.outputs[0].dtype not in ("float32", "float16"):
            return None
        # Side maps have the same or a smaller size; anything else is another kind of model.
        if any(len(other) != 4 or 1 not in (other[1], other[3]) for other in facts.shapes()[1:]):
            return None
        values = facts.values(0)
        logits = values is not None and bool(values.min() < -0.01 or values.max() > 1.01)
        kind, changes = _kind(facts)
        why = ["its output is one map over the picture, without classes"]
        why += [f"{len(facts.outputs)} maps of it, as {kind} has them"] if len(facts.outputs) > 1 else []
        why += [f"input size and names are those of {kind}"] if kind and len(facts.outputs) == 1 else []
        why += ["its values are logits"] if logits else []
        warnings = (
            () if kind == "U²-Net" else (f"Scaling as of {kind or 'ImageNet'} is assumed; the file does not say it.",)
        )
        output: dict[str, Any] = {
            "format": "map",
            "kind": kind,
            "activation": "sigmoid" if logits else "none",
            "class_count": 1,
            "level": 0.5,
        }
        sure = Confidence.LIKELY if kind else Confidence.GUESS
        spec = input_spec(facts, resize=Resize.STRETCH, **changes)
        return Identification("saliency", Task.MASK, spec, sure, tuple(why), ("foreground",), output, warnings)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        values = first(outputs)
        plane = values.reshape(values.shape[0], *(n for n in values.shape[1:] if n != 1))[0]
        if found.output.get("activation") == "sigmoid":
            plane = sigmoid(plane)
        return Areas(plane[None], binary=True, level=float(found.output.get("level", 0.5)))


def _kind(facts: Facts) -> tuple[str, dict[str, Any]]:
    """Which of the known models it is, and how that scales its input."""
    image = facts.image
    width = image.width if image is not None else 0
    imagenet: dict[str, Any] = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    if len(facts.outputs) >= 6 and width <= 512:
        return "U²-Net", imagenet | {"normalize": "peak"}
    if len(facts.outputs) >= 6:
        return "ISNet", {"mean": _HALF, "normalize": ""}
    if image is not None and (image.name == "input_image" or facts.outputs[0] == "output_image"):
        return "BiRefNet", imagenet
    if width == 1024:
        return "ISNet", {"mean": _HALF}
    if width == 320:
        return "U²-Net", imagenet | {"normalize": "peak"}
    if image is not None and image.dynamic and (image.name, facts.outputs[0]) == ("input", "output"):
        return "MODNet", {"mean": _HALF, "std": _HALF, "width": 512, "height": 512}
    return "", imagenet
