"""The bundled worker: loads one ONNX model and answers jobs over the pipes (`python -m desktop_app --worker`).

The `load` frame holds `source` (an OnnxSource, or a RemoteSource with the server's `token`) and `detection` (a
Detection). With `"inspect": PATH` in place of both,
`loaded` carries what the file is and no job can be run; `"picture": PATH` with it lets scalings be tried out, and
`"family"` reads the file as one of that family, `"overrides"` as a profile with these changes does; the same with
`"inspect_remote": SOURCE` and its `token` of a model on a server.
With `"overlay": {"asset", "answer", "out"}` it draws an answer on its picture into a PNG, and `loaded` says how many
objects are on it. With `"class_list": PATH` the `classes` in `loaded` are those of a list, data.yaml or config.json.
With `"previews"` it decodes pages of assets for the screen, as often as it is asked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from desktop_app.child.serve import Failure, Job, Loaded, serve
from desktop_app.child.wire import Frame
from desktop_app.core.profile import Detection, OnnxSource
from desktop_app.worker.frames import picture_of, runs_at_once, told


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
        return Loaded(told(lambda: draw(asset, wanted.get("answer"), out)), _nothing_to_run)

    if "previews" in frame:
        from desktop_app.worker.preview import previews

        return previews()

    if "class_list" in frame:
        from desktop_app.worker.onnx.classes import read_classes

        listed = Path(str(frame["class_list"]))
        return Loaded({"classes": list(told(lambda: read_classes(listed)))}, _nothing_to_run)

    if "inspect_remote" in frame:
        from desktop_app.worker.remote.serve import inspected

        return Loaded(inspected(frame), _nothing_to_run)

    given = frame.get("source")
    if isinstance(given, dict) and given.get("kind") == "remote":
        from desktop_app.worker.remote.serve import load_remote

        return load_remote(frame)

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
        found = told(lambda: identify(path, picture=picture, only=chosen, overrides=changes))
        return Loaded({**found, "providers": available_providers()}, _nothing_to_run)
    try:
        source = OnnxSource.model_validate(given)
        detection = Detection.model_validate(frame.get("detection") or {})
    except ValidationError as error:
        raise Failure("The profile's model settings are not valid", details=str(error)) from None
    model = told(lambda: OnnxModel(source, detection, at_once=runs_at_once(frame)))

    def run(job: Job) -> dict[str, Any]:
        path, page = picture_of(job)
        prediction = told(lambda: model.predict(path, page=page, overrides=job.overrides))
        return prediction_json(prediction)

    return Loaded(model.info, run, close=model.close)


def _nothing_to_run(_job: Job) -> dict[str, Any]:
    raise Failure("This worker only inspects a file", remedy="Load the model to run it.")
