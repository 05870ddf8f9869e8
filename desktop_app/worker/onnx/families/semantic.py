"""Maps of class scores for every pixel: torchvision, SegFormer and whatever else gives `[1, C, h, w]`."""

from __future__ import annotations

from typing import Any, ClassVar

from desktop_app.worker.onnx.classes import literal_names
from desktop_app.worker.onnx.decoded import Areas
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
from desktop_app.worker.onnx.preprocessor_config import hugging_face, mmdeploy, paddle
from desktop_app.worker.onnx.spec import IMAGENET_MEAN, IMAGENET_STD


class Semantic(Family):
    """See the module; class numbers `[1, (1,) h, w]` too."""

    name: ClassVar[str] = "semantic"
    order: ClassVar[int] = 60

    def identify(self, facts: Facts) -> Identification | None:
        if facts.image is None or len(facts.inputs) != 1 or not 1 <= len(facts.outputs) <= 2:
            return None
        shape = facts.shape(0)
        if facts.graph.outputs[0].dtype in ("int64", "int32", "uint8") and _is_class_map(facts, shape):
            return _class_map(facts)
        last = facts.image.layout.endswith("hwc") and len(shape) == 4 and shape[3] < shape[1]
        channels, height, width = (shape[3], *shape[1:3]) if last else (shape[1:] if len(shape) == 4 else (0, 0, 0))
        if channels < 2 or not _fits(facts, height, width):
            return None
        return _score_map(facts, channels, last)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        values = first(outputs)
        background = frozenset(int(index) for index in found.output.get("background", ()))
        if found.output["format"] == "class-map":
            return Areas(values.reshape(values.shape[-2:]).astype("int64"), background)
        values = values[0].transpose(2, 0, 1) if found.output.get("channels_last") else values[0]
        return Areas(values, background)


def _is_class_map(facts: Facts, shape: tuple[int, ...]) -> bool:
    flat = len(shape) == 3 or (len(shape) == 4 and shape[1] == 1)
    return flat and _fits(facts, shape[-2], shape[-1])


def _fits(facts: Facts, height: int, width: int) -> bool:
    """Whether the map covers the picture at its size or a whole part of it."""
    if facts.image is None or min(height, width) < 2:
        return False
    return any(
        abs(facts.image.height - height * part) < part and abs(facts.image.width - width * part) < part
        for part in (1, 2, 4, 8, 16)
    )


def _inputs(facts: Facts) -> tuple[dict[str, Any], bool]:
    stated = hugging_face(facts) or paddle(facts) or mmdeploy(facts)
    if stated:
        return {"resize": Resize.STRETCH, **stated}, True
    return {"resize": Resize.STRETCH, "mean": IMAGENET_MEAN, "std": IMAGENET_STD}, False


def _class_map(facts: Facts) -> Identification:
    changes, stated = _inputs(facts)
    why = ("its output is a map of class numbers over the picture",)
    warnings = () if stated else ("Scaling as for ImageNet is assumed; the file does not say it.",)
    output = {"format": "class-map", "class_count": 0, "background": []}
    sure = Confidence.LIKELY if stated else Confidence.GUESS
    return Identification("semantic", Task.SEMANTIC, input_spec(facts, **changes), sure, why, (), output, warnings)


def _score_map(facts: Facts, channels: int, last: bool) -> Identification | None:
    changes, stated = _inputs(facts)
    torchvision = facts.outputs[0] == "out" and set(facts.outputs) <= {"out", "aux"}
    named = facts.sidecars.names or literal_names(facts.metadata.get("names", ""))
    why = [f"its output is a map of {channels} class scores over the picture"]
    if torchvision:
        why.append("its output is called “out”, as torchvision's segmenters have it")
    if stated:
        why.append("a file beside it says how pictures are prepared")
    if channels in (3, 4) and not torchvision and len(named) != channels:
        return None  # as likely a filter or a picture
    warnings = () if stated else ("Scaling as for ImageNet is assumed; the file does not say it.",)
    sure = Confidence.LIKELY if stated or torchvision or facts.image_name == "pixel_values" else Confidence.GUESS
    output: dict[str, Any] = {
        "format": "scores",
        "class_count": channels,
        "channels_last": last,
        "background": [0] if torchvision else [],
    }
    return Identification(
        "semantic", Task.SEMANTIC, input_spec(facts, **changes), sure, tuple(why), (), output, warnings
    )
