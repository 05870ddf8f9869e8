"""The worker's side of a profile whose model is on a server: from its frames to `RemoteModel` and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from desktop_app.child.serve import Failure, Job, Loaded
from desktop_app.child.wire import Frame
from desktop_app.core.profile import Detection, RemoteSource
from desktop_app.worker.frames import picture_of, runs_at_once, told
from desktop_app.worker.onnx.predict import prediction_json
from desktop_app.worker.remote.connection import ServerAway
from desktop_app.worker.remote.model import Cancelled, RemoteModel, inspect_remote

T = TypeVar("T")


def load_remote(frame: Frame) -> Loaded:
    """Opens the model that the `load` frame names.

    Raises:
        Failure: it cannot be used; of the kind "away" where it may be later.
    """
    source, token = _source(frame.get("source")), str(frame.get("token") or "")
    try:
        detection = Detection.model_validate(frame.get("detection") or {})
    except ValidationError as error:
        raise Failure("The profile's model settings are not valid", details=str(error)) from None
    limit = frame.get("timeout_s")
    timeout_s = float(limit) if isinstance(limit, int | float) and limit > 0 else 120.0

    model = _waited_for(lambda: RemoteModel(source, detection, token, at_once=runs_at_once(frame), timeout_s=timeout_s))

    def run(job: Job) -> dict[str, Any]:
        path, page = picture_of(job)
        call = model.call()
        job.on_cancel = call.cancel
        if job.cancelled:
            call.cancel()
        try:
            prediction = told(lambda: model.predict(path, page=page, overrides=job.overrides, call=call))
        except Cancelled:
            raise Failure("the job was cancelled", kind="cancelled") from None
        return prediction_json(prediction)

    return Loaded(model.info, run, close=model.close)


def inspected(frame: Frame) -> dict[str, Any]:
    """What the server of an `inspect_remote` frame says of its model, and what that model is.

    Raises:
        Failure: it cannot be looked at.
    """
    source, token = _source(frame["inspect_remote"]), str(frame.get("token") or "")
    picture = Path(str(frame["picture"])) if frame.get("picture") else None
    chosen = str(frame.get("family") or "") or None
    given = frame.get("overrides")
    overrides = given if isinstance(given, dict) else None
    return _waited_for(lambda: inspect_remote(source, token, picture=picture, only=chosen, overrides=overrides))


def _waited_for(action: Callable[[], T]) -> T:
    """Like `told`, and a server that is away is told as something that may be over later."""

    def tried() -> T:
        try:
            return action()
        except ServerAway as error:
            raise Failure(error.what, error.where, error.remedy, error.details, "away") from None

    return told(tried)


def _source(given: Any) -> RemoteSource:
    try:
        return RemoteSource.model_validate(given)
    except ValidationError as error:
        reason = error.errors(include_url=False, include_input=False)[0]
        raise Failure(
            f"The model server's {reason['loc'][0]} is not valid: {reason['msg'].removeprefix('Value error, ')}",
            remedy="Correct it in the plugin's settings.",
        ) from None
