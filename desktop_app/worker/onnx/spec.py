"""What is known of a model file once it is identified: the input it wants and how its outputs are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from desktop_app.core.errors import ModelLoadError

Array = npt.NDArray[Any]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
ZERO_MEAN = (0.0, 0.0, 0.0)
UNIT_STD = (1.0, 1.0, 1.0)
BYTE = 1 / 255

DTYPES: Mapping[str, type[np.generic]] = {
    "float32": np.float32,
    "float16": np.float16,
    "float64": np.float64,
    "uint8": np.uint8,
    "int8": np.int8,
    "int32": np.int32,
    "int64": np.int64,
}


class Confidence(StrEnum):
    """How sure an identification is. *Certain* is only what the file, and what lies beside it, settles altogether:
    family, task, input, decoding, and the names of classes and key points.
    """

    CERTAIN = "certain"
    LIKELY = "likely"
    GUESS = "guess"

    @property
    def rank(self) -> int:
        """0 is the surest."""
        return list(Confidence).index(self)


class Task(StrEnum):
    """What a model does, in the words of `plugdeck inspect`."""

    DETECT = "detect"
    OBB = "obb"
    SEGMENT = "segment"
    SEMANTIC = "semantic"
    MASK = "mask"
    POSE = "pose"
    CLASSIFY = "classify"
    UNSUPPORTED = "unsupported"


class Resize(StrEnum):
    """How a picture is brought to the input's size.

    letterbox: keeps the ratio, centred, padded · topleft: the same, picture at the top left · stretch: both sides to
    the input's · crop: shorter side to size / `crop_ratio`, centre cut out · fit: keeps the ratio, at most the size,
    no padding · shortest: shorter side to `width`, longer at most `longest`, no padding.
    """

    LETTERBOX = "letterbox"
    TOPLEFT = "topleft"
    STRETCH = "stretch"
    CROP = "crop"
    FIT = "fit"
    SHORTEST = "shortest"


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The tensor a model takes: `(pixel · scale − mean) / std`, pixels 0…255.

    Attributes:
        width, height: in pixels; for a dynamic input the size we choose.
        layout: "nchw", "nhwc", "chw" or "hwc".
        channels: 1, 3 or 4.
        color: "rgb", "bgr" or "gray".
        scale: multiplies the pixel, 1/255 or 1.
        pad: grey value of padding, 0…255.
        multiple: sides of "fit" and "shortest" are rounded up to it and padded.
        fill: share of the input's side that a letterboxed picture may take; the rest is padding.
        normalize: "" or "peak" (divided by the picture's own maximum first, as U²Net does).
    """

    name: str
    width: int
    height: int
    dynamic: bool = False
    layout: str = "nchw"
    dtype: str = "float32"
    channels: int = 3
    color: str = "rgb"
    scale: float = BYTE
    mean: tuple[float, ...] = ZERO_MEAN
    std: tuple[float, ...] = UNIT_STD
    resize: Resize = Resize.LETTERBOX
    pad: int = 114
    crop_ratio: float = 1.0
    longest: int = 1333
    multiple: int = 1
    batch: int = 1
    normalize: str = ""
    fill: float = 1.0

    def as_json(self) -> dict[str, Any]:
        """The `input` object of `plugdeck inspect`."""
        return {
            "name": self.name,
            "width": self.width,
            "height": self.height,
            "dynamic": self.dynamic,
            "layout": self.layout,
            "dtype": self.dtype,
            "channels": self.channels,
            "color": self.color,
            "scale": self.scale,
            "mean": list(self.mean),
            "std": list(self.std),
            "resize": str(self.resize),
            "pad": self.pad,
            "crop_ratio": self.crop_ratio,
            "fill": self.fill,
            "normalize": self.normalize,
        }

    def overridden(self, changes: Mapping[str, Any]) -> InputSpec:
        """A copy with what the user set.

        Raises:
            ModelLoadError: a key that does not exist or a value that cannot be one.
        """
        known = {item.name for item in fields(self)} - {"name", "dtype", "dynamic", "batch"}
        clean: dict[str, Any] = {}
        for key, value in changes.items():
            if key in {"name", "dtype", "dynamic"}:
                continue
            if key not in known:
                raise _bad_override(key, f"has no such setting; known are {', '.join(sorted(known))}")
            clean[key] = _override_value(key, value)
        return replace(self, **clean)


def _override_value(key: str, value: Any) -> Any:
    choices: dict[str, tuple[str, ...]] = {
        "layout": ("nchw", "nhwc", "chw", "hwc"),
        "color": ("rgb", "bgr", "gray"),
        "normalize": ("", "peak"),
        "resize": tuple(Resize),
    }
    if key in choices:
        if value not in choices[key]:
            raise _bad_override(key, f"must be one of {', '.join(choices[key])}")
        return Resize(value) if key == "resize" else value
    if key in {"mean", "std"}:
        numbers = value if isinstance(value, list | tuple) else None
        if not numbers or not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers):
            raise _bad_override(key, "must be a list of numbers, one per channel")
        if key == "std" and any(n == 0 for n in numbers):
            raise _bad_override(key, "must not hold a zero")
        return tuple(float(n) for n in numbers)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _bad_override(key, "must be a number")
    if key in {"scale", "crop_ratio", "fill"}:
        if value <= 0:
            raise _bad_override(key, "must be above 0")
        return float(value)
    low, high = (0, 255) if key == "pad" else (1, 8192)
    if not low <= value <= high:
        raise _bad_override(key, f"must be between {low} and {high}")
    return int(value)


def _bad_override(key: str, text: str) -> ModelLoadError:
    return ModelLoadError(
        f"The model's input setting “{key}” {text}", where=f"overrides.input.{key}", remedy="Correct it in the profile."
    )


@dataclass(frozen=True, slots=True)
class Identification:
    """What a file was found to be.

    Attributes:
        family: name of the module under `families/` that decodes it.
        output: facts the family's decoder needs, plain JSON values, shown to the user.
        why: reasons in plain words, the strongest first.
        warnings: what the user should check.
        keypoints: names of the key points of a pose model, in order.
        confidence: of all of this together, the names included.
        names_from: where the class names come from: "file", "sidecar", "suggestion", "numbers" or "profile"; a family
            that knows its only class ("face") says "file".
        points_from: the same for the key points' names.
        input_settled: the file leaves nothing open about the input; trying scalings out could only do harm.
        assumed: of a *guess*, the parts that make it one and why, in the words of `sureness`; the rest is then likely.
    """

    family: str
    task: Task
    input: InputSpec
    confidence: Confidence
    why: tuple[str, ...]
    classes: tuple[str, ...] = ()
    output: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    keypoints: tuple[str, ...] = ()
    names_from: str = "file"
    points_from: str = "file"
    input_settled: bool = False
    assumed: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What `plugdeck inspect --json` prints."""
        return {
            "family": self.family,
            "task": str(self.task),
            "input": self.input.as_json(),
            "classes": list(self.classes),
            "keypoints": list(self.keypoints),
            "output": dict(self.output),
            "confidence": str(self.confidence),
            "why": list(self.why),
            "warnings": list(self.warnings),
            "names_from": self.names_from,
        }
