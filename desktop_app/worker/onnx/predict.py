"""From a picture to a prediction: read, prepared, run, decoded and placed, whatever runs the tensors."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from desktop_app.core.errors import ModelError
from desktop_app.core.prediction import Prediction
from desktop_app.core.profile import Detection
from desktop_app.worker.onnx.decoded import Areas, Decoded, Labels, Polygons, Rows
from desktop_app.worker.onnx.facts import Facts
from desktop_app.worker.onnx.families import family
from desktop_app.worker.onnx.families.base import Family
from desktop_app.worker.onnx.geometry import Geometry, plan
from desktop_app.worker.onnx.inference import Inference
from desktop_app.worker.onnx.instances import Placed, place_areas, place_labels, place_polygons, place_rows
from desktop_app.worker.onnx.picture import read_picture
from desktop_app.worker.onnx.preprocess import to_tensor
from desktop_app.worker.onnx.settings import Wanted, merge
from desktop_app.worker.onnx.spec import Array, Identification


@dataclass(frozen=True, slots=True)
class Asked:
    """A picture that is to be answered for: the file, its page or frame, and what the job's `configJSON` changes."""

    path: Path
    page: int = 0
    overrides: Mapping[str, Any] | None = None


def predict(
    asked: Asked,
    found: Identification,
    facts: Facts,
    detection: Detection,
    inference: Inference,
    runs: AbstractContextManager[Any],
    notes: list[str],
) -> Prediction:
    """Answers for one picture.

    Args:
        found, facts: of the model, the person's corrections applied.
        runs: held while the model runs, and only then: other jobs prepare their pictures meanwhile.
        notes: what is known already; the prediction carries them first.

    Raises:
        AssetError: the picture cannot be read.
        ModelError: the model failed on it.
    """
    with _enough_memory(asked.path):
        tolerance = found.output.get("tolerance", 1.0)
        wanted, more = merge(
            detection,
            asked.overrides,
            found.classes,
            tolerance=float(tolerance) if isinstance(tolerance, int | float) else 1.0,
        )
        spec = found.input
        picture = read_picture(asked.path, page=asked.page, target=lambda *size: plan(spec, *size).picture_size)
        tensor, geometry = to_tensor(picture, spec)
        chosen = family(found.family)
        if chosen is None:
            raise ModelError(f"There is no family “{found.family}”")
        feeds = chosen.feeds(tensor, geometry, facts, spec)
        before = len(inference.notes)
        with runs:
            started = time.perf_counter()
            outputs = inference.run(feeds)
            run_ms = (time.perf_counter() - started) * 1000
        notes += [*picture.notes, *more, *inference.notes[before:]]
        decoded = _decode(chosen, outputs, geometry, wanted, found)
        return _prediction(decoded, geometry, wanted, found, notes, run_ms)


@contextmanager
def _enough_memory(path: Path) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise ModelError(
            "There is not enough memory for this picture and model",
            where=path.name,
            remedy="Lower the concurrency, close other programs or use a smaller picture.",
        ) from None


def _decode(
    chosen: Family, outputs: dict[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
) -> Decoded:
    try:
        return chosen.decode(outputs, geometry, wanted, found)
    except (IndexError, ValueError, KeyError, TypeError) as error:
        shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in outputs.items())
        raise ModelError(
            f"The model's outputs ({shapes}) are not those of the family “{found.family}”",
            remedy="Choose another family or input size in the profile.",
            details=f"{type(error).__name__}: {error}",
        ) from error


def _prediction(
    decoded: Decoded, geometry: Geometry, wanted: Wanted, found: Identification, notes: list[str], run_ms: float
) -> Prediction:
    names = found.classes
    placed = Placed([], [])
    labels: list[dict[str, Any]] = []
    if isinstance(decoded, Labels):
        labels = place_labels(decoded, wanted, names)
    elif isinstance(decoded, Rows):
        placed = place_rows(decoded, geometry, wanted, names, found.keypoints)
    elif isinstance(decoded, Polygons):
        placed = place_polygons(decoded, geometry, wanted, names)
    elif isinstance(decoded, Areas):
        placed = place_areas(decoded, geometry, wanted, names)
    instances = placed.kept(wanted)
    return Prediction(
        instances=instances,
        classifications=labels,
        candidates=placed.candidates,
        notes=(*notes, *placed.notes),
        class_names=names,
        width=geometry.asset_width,
        height=geometry.asset_height,
        run_ms=round(run_ms, 3),
    )


def prediction_json(prediction: Prediction) -> dict[str, Any]:
    """The fields of a prediction as a result frame carries them."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(prediction).items()}
