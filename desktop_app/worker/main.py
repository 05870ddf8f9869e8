"""The bundled worker: loads one ONNX model and answers jobs over the pipes (`python -m desktop_app --worker`).

The `load` frame holds `source` (an OnnxSource) and `detection` (a Detection). With `"inspect": PATH` in place of both,
`loaded` carries what the file is and no job can be run; `"picture": PATH` with it lets scalings be tried out, and
`"family"` reads the file as one of that family, `"overrides"` as a profile with these changes does.
With `"overlay": {"asset", "answer", "out"}` it draws an answer on its picture into a PNG, and `loaded` says how many
objects are on it. With `"class_list": PATH` the `classes` in `loaded` are those of a list, data.yaml or config.json.
With `"previews"` it decodes pages of assets for the screen, as often as it is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from desktop_app.child.serve import Failure, Job, Loaded, serve
from desktop_app.child.wire import Frame
from desktop_app.core.errors import KnownError
from desktop_app.core.profile import Detection, OnnxSource

T = TypeVar("T")


def main() -> None:
    """Serves until the host says stop. Does not return."""
    serve(load)


def load(frame: Frame) -> Loaded:
    """Loads what the frame names.

    Raises:
        Failure: it cannot be loaded.
    """
    # Imported here: the pipes are taken over before onnxruntime can write anything to them.
    if "overlay" in frame:
        from desktop_app.worker.overlay import draw

        wanted = frame["overlay"]
        asset, out = Path(str(wanted["asset"])), Path(str(wanted["out"]))
        return Loaded(_told(lambda: draw(asset, wanted.get("answer"), out)), _nothing_to_run)

    if "previews" in frame:
        from desktop_app.worker.preview import previews

        return previews()

    if "class_list" in frame:
        from desktop_app.worker.onnx.classes import read_classes

        listed = Path(str(frame["class_list"]))
        return Loaded({"classes": list(_told(lambda: read_classes(listed)))}, _nothing_to_run)

    from desktop_app.worker.onnx.inspect import identify
    from desktop_app.worker.onnx.model import OnnxModel
    from desktop_app.worker.onnx.predict import prediction_json
    from desktop_app.worker.onnx.session import available_providers

    if "inspect" in frame:
        path = Path(str(frame["inspect"]))
        picture = Path(str(frame["picture"])) if frame.get("picture") else None
        chosen = str(frame.get("family") or "") or None
        given = frame.get("overrides")
        changes = given if isinstance(given, dict) else None
        found = _told(lambda: identify(path, picture=picture, only=chosen, overrides=changes))
        return Loaded({**found, "providers": available_providers()}, _nothing_to_run)
    given = frame.get("source")
    if isinstance(given, dict) and given.get("kind") == "remote":
        raise Failure("This version cannot use a model server yet", remedy="Use an ONNX file or a script.")
    try:
        source = OnnxSource.model_validate(given)
        detection = Detection.model_validate(frame.get("detection") or {})
    except ValidationError as error:
        raise Failure("The profile's model settings are not valid", details=str(error)) from None
    runs = frame.get("concurrency")
    at_once = runs if isinstance(runs, int) and runs > 0 else 1
    model = _told(lambda: OnnxModel(source, detection, at_once=at_once))

    def run(job: Job) -> dict[str, Any]:
        if job.asset_path is None:
            raise Failure("The job has no asset file", remedy="Run the job again.")
        path, page = Path(job.asset_path), job.page
        number = page if isinstance(page, int) and not isinstance(page, bool) else 0
        prediction = _told(lambda: model.predict(path, page=number, overrides=job.overrides))
        return prediction_json(prediction)

    return Loaded(model.info, run, close=model.close)


def _nothing_to_run(_job: Job) -> dict[str, Any]:
    raise Failure("This worker only inspects a file", remedy="Load the model to run it.")


def _told(action: Callable[[], T]) -> T:
    """The action's value; a known error as the pipes carry it."""
    try:
        return action()
    except KnownError as error:
        raise Failure(error.what, error.where, error.remedy, error.details) from None
