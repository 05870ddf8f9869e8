"""The interface of a family: one module tells one kind of export and decodes it.

To add a family, add a module beside this one with a subclass of :class:`Family`; it is found by itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from desktop_app.worker.onnx.decoded import Decoded
from desktop_app.worker.onnx.facts import Facts, side_input
from desktop_app.worker.onnx.geometry import Geometry
from desktop_app.worker.onnx.settings import Wanted
from desktop_app.worker.onnx.spec import Array, Confidence, Identification, InputSpec, Resize, Task


class Family(ABC):
    """One kind of export.

    Attributes:
        name: as shown and stored in profiles; unique.
        order: families are asked from low to high, and of equally sure ones the first wins.
    """

    name: ClassVar[str]
    order: ClassVar[int] = 50

    @abstractmethod
    def identify(self, facts: Facts) -> Identification | None:
        """What the file is, if it is of this family. *Certain* only if nothing else can have these signs."""

    @abstractmethod
    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        """Turns the outputs of one run into arrays; thresholds may be used to skip work, filtering comes later.

        Args:
            outputs: by name; float16 is already float32.
            geometry: of the run's picture.
            wanted: thresholds of the run.
            found: what `identify` said, with the user's corrections.
        """

    def feeds(self, tensor: Array, geometry: Geometry, facts: Facts, spec: InputSpec) -> dict[str, Array]:
        """All inputs of a run: the picture, and sizes where the model asks for them by their usual names."""
        feeds = {spec.name: tensor}
        for item in facts.inputs:
            if item.name != spec.name:
                extra = side_input(
                    item, geometry.asset_width, geometry.asset_height, geometry.width, geometry.height, spec.batch
                )
                if extra is not None:
                    feeds[item.name] = extra
        return feeds


def input_spec(facts: Facts, **changes: Any) -> InputSpec:
    """The input as the file states it, with what the family knows on top.

    uint8 inputs are never scaled: the graph does that itself.
    """
    image = facts.image
    if image is None:
        raise ValueError("a file without a picture input has no input to describe")
    values: dict[str, Any] = {
        "name": image.name,
        "width": image.width,
        "height": image.height,
        "dynamic": image.dynamic,
        "layout": image.layout,
        "dtype": image.dtype,
        "channels": image.channels,
        "color": "gray" if image.channels == 1 else "rgb",
        "batch": image.batch,
        **changes,
    }
    if image.dtype == "uint8":
        values |= {"scale": 1.0, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    return InputSpec(**values)


def first(outputs: Mapping[str, Array], index: int = 0) -> Array:
    """An output by position."""
    return list(outputs.values())[index]


def row_count_axis(shape: tuple[int, ...], count: int) -> int | None:
    """Which of axes 1 and 2 of a rank-3 output has `count` entries; None where neither or both have."""
    hits = [axis for axis in (1, 2) if len(shape) == 3 and shape[axis] == count]
    return hits[0] if len(hits) == 1 else None


__all__ = [
    "Array",
    "Confidence",
    "Decoded",
    "Facts",
    "Family",
    "Geometry",
    "Identification",
    "InputSpec",
    "Mapping",
    "Resize",
    "Task",
    "Wanted",
    "first",
    "input_spec",
    "row_count_axis",
]
