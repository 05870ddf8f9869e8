"""What the profile and one job's `configJSON` ask of the decoding, checked and merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from desktop_app.core.notes import quoted
from desktop_app.core.profile import Detection, Shape

KNOWN_KEYS = ("confidence", "iou", "max", "classes", "shape")
CANDIDATE_FLOOR = 0.05
MAX_CANDIDATES = 300


@dataclass(frozen=True)
class Wanted:
    """Thresholds and form of the instances of one run.

    Attributes:
        confidence: least score, unless `class_confidence` (by class index) says otherwise.
        maximum: most instances.
        min_size: shorter side in asset pixels below which an instance is dropped.
        only: class indices to keep, None for all.
        tolerance: of Douglas–Peucker, in asset pixels.
    """

    confidence: float = 0.25
    iou: float = 0.45
    maximum: int = 300
    min_size: float = 0.0
    agnostic: bool = False
    class_confidence: Mapping[int, float] = field(default_factory=dict)
    only: frozenset[int] | None = None
    shape: Shape = Shape.AUTO
    tolerance: float = 1.0

    @property
    def floor(self) -> float:
        """The score down to which candidates are kept for the slider."""
        return min(CANDIDATE_FLOOR, self.confidence, *self.class_confidence.values())

    def threshold(self, index: int) -> float:
        """Least score of a class."""
        return self.class_confidence.get(index, self.confidence)


def merge(
    detection: Detection, overrides: Mapping[str, Any] | None, names: Sequence[str], *, tolerance: float = 1.0
) -> tuple[Wanted, list[str]]:
    """The settings of a run, and notes on everything in the overrides that was not understood.

    Args:
        detection: of the profile.
        overrides: from the job's `configJSON`; wins. Wrong values are reported and ignored, never an error.
        names: the model's classes.
    """
    notes: list[str] = []
    given = dict(overrides or {})
    unknown = [key for key in given if key not in KNOWN_KEYS]
    if unknown:
        listed = ", ".join(quoted(key) for key in unknown[:5]) + (" …" if len(unknown) > 5 else "")
        verb = "means" if len(unknown) == 1 else "mean"
        notes.append(f"The config's {listed} {verb} nothing to this model; it knows {', '.join(KNOWN_KEYS)}.")
    by_name = _lookup(names)
    class_confidence: dict[int, float] = {}
    for name, value in detection.class_confidence.items():
        index = find_class(name, by_name, len(names))
        if index is None:
            notes.append(f"The profile sets a confidence for {quoted(name)}, which is no class of the model.")
        else:
            class_confidence[index] = value
    confidence, overridden = _number(given, "confidence", 0, 1, notes), detection.confidence
    if confidence is not None:
        # A threshold asked for in one job is meant for every class of that job.
        class_confidence, overridden = {}, confidence
    iou = _number(given, "iou", 0, 1, notes)
    maximum = _number(given, "max", 1, 1_000_000, notes)
    return (
        Wanted(
            confidence=overridden,
            iou=detection.iou if iou is None else iou,
            maximum=detection.max_instances if maximum is None else int(maximum),
            min_size=detection.min_size,
            agnostic=detection.agnostic,
            class_confidence=class_confidence,
            only=_classes(given, by_name, len(names), notes),
            shape=_shape(given, detection.shape, notes),
            tolerance=tolerance,
        ),
        notes,
    )


def _number(given: Mapping[str, Any], key: str, low: float, high: float, notes: list[str]) -> float | None:
    value = given.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        notes.append(f"The config's “{key}” is {quoted(value)}, not a number from {low:g} to {high:g}; it was ignored.")
        return None
    return float(value)


def _shape(given: Mapping[str, Any], default: Shape, notes: list[str]) -> Shape:
    value = given.get("shape")
    if value is None:
        return default
    words = {"bounding-box": "box", "rotated-bounding-box": "rotated"}
    try:
        return Shape(words.get(value, value))
    except (ValueError, TypeError):
        notes.append(f"The config's “shape” is {quoted(value)}, not one of {', '.join(Shape)}; it was ignored.")
        return default


def _classes(
    given: Mapping[str, Any], by_name: Mapping[str, int | None], count: int, notes: list[str]
) -> frozenset[int] | None:
    value = given.get("classes")
    if value is None:
        return None
    items = value if isinstance(value, list) else [value]
    kept: set[int] = set()
    count = count or 1_000_000  # a model that does not say how many classes it has takes any index
    for item in items[:10_000]:
        index = find_class(item, by_name, count)
        if index is None:
            notes.append(f"The config's class {quoted(item)} is no class of the model.")
        else:
            kept.add(index)
    if items and not kept:
        notes[-1] += " None that the config asks for is, so nothing is answered."
    return frozenset(kept)


def _lookup(names: Sequence[str]) -> dict[str, int | None]:
    table: dict[str, int | None] = {}
    for index, name in enumerate(names):
        key = _key(name)
        table[key] = None if key in table else index
    return table


def find_class(item: Any, by_name: Mapping[str, int | None], count: int) -> int | None:
    """Index of a class given by name (case and spaces forgiven) or index; None where there is none, or several."""
    if isinstance(item, bool):
        return None
    if isinstance(item, int):
        return item if 0 <= item < count else None
    if not isinstance(item, str):
        return None
    if _key(item) in by_name:
        return by_name[_key(item)]
    bare = item.strip().removeprefix("class_")
    return int(bare) if bare.isascii() and bare.isdigit() and int(bare) < count else None


def _key(name: str) -> str:
    return "".join(name.casefold().split())
