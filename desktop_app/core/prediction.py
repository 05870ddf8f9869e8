"""What a model gave for one asset, before it becomes an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model's output for one job, as the worker hands it over. Coordinates are pixels of the upright asset.

    Attributes:
        instances: for models we decode (ONNX, remote): objects such as
            `{"class": "bolt", "index": 0, "score": 0.93, "bounding-box": {"x", "y", "width", "height"}}`, each
            with exactly one shape key of the annotation format, best score first; optionally
            `"points": [{"name", "point": [x, y], "score"}]` for key points. Everything above the confidence
            threshold, after suppression.
        classifications: `{"class", "index", "score"}` of a classifier, best first.
        candidates: the same form as `instances`, down to a low threshold, kept so that a slider can filter
            again without the model.
        returned: for a callback: what it returned, as JSON; None for the others.
        generation: for a callback: "documented", "flat" or "current" (facts: hub-protocol, What the callback gets).
        kind: plugin kind of the script: "model", "batch", "input", "markdown", "export", "file-explorer".
        client: version of the published client in the script's interpreter, None where it is not installed.
        notes: what the worker repaired or left out, one sentence each.
        told: the notes were told already, while it ran.
        objects: how many annotations a run over a whole project made.
        class_names: the model's classes in order.
        width, height: of the upright asset as the worker decoded it; None for callbacks.
        run_ms: how long the model itself ran, without waiting for the worker.
    """

    instances: list[dict[str, Any]] = field(default_factory=list)
    classifications: list[dict[str, Any]] = field(default_factory=list)
    candidates: list[dict[str, Any]] = field(default_factory=list)
    returned: Any = None
    generation: str | None = None
    kind: str = "model"
    client: str | None = None
    notes: tuple[str, ...] = ()
    told: bool = False
    objects: int = 0
    class_names: tuple[str, ...] = ()
    width: int | None = None
    height: int | None = None
    run_ms: float = 0.0
