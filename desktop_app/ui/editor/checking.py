"""What the form makes: a profile, or what is wrong with it in words; what can be tried of it before that."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import ValidationError

from desktop_app.core.profile import LOOPBACK_HOSTS, Detection, Profile, RemoteSource, web_address
from desktop_app.ui.editor.form import ProfileForm
from desktop_app.ui.formats import tr

PREVIEW_ID = "preview"
"""Of the profile that the form tries pictures with."""


def candidate(
    form: ProfileForm, base: Profile | None, own_id: str, taken: Collection[str]
) -> tuple[Profile | None, dict[str, str]]:
    """The profile as the form says it, or None with what is wrong, by field.

    Args:
        base: what the form does not show is kept from this one.
        own_id: of the profile that is edited, "" for a new one.
        taken: names of the other profiles, case-folded.
    """
    problems = {f"source.{key}": text for key, text in form.panel.problems().items()}
    names = form.classes.value
    model = form.model_panel
    if model is not None and names and model.class_count not in (0, len(names)):
        problems["detection.classes"] = tr("These are {given} names; the model has {count} classes.").format(
            given=len(names), count=model.class_count
        )
    kept = base.model_dump() if base else {}
    kept.pop("id", None)
    if own_id:
        kept["id"] = own_id
    values = {**kept, **form.values()}
    values["detection"] = {**kept.get("detection", {}), **values["detection"]}
    profile = None
    try:
        profile = Profile.model_validate(values)
    except ValidationError as error:
        for part in error.errors():
            place = place_of(part)
            problems.setdefault(place, words_of(form, place, part))
    if form.name.value.casefold() in taken:
        problems["name"] = tr("Another plugin has this name.")
    address = web_address(form.host.value)
    plain = address is not None and address.scheme == "http" and address.hostname not in LOOPBACK_HOSTS
    if plain and not form.insecure.value:
        problems.setdefault("host", tr("Use https, or allow a hub without encryption below."))
    return (profile if not problems else None), problems


def to_try(form: ProfileForm, base: Profile | None) -> Profile | None:
    """What can be tried of the form, whatever is still missing of the plugin; None while the model is not there."""
    model = form.model_panel
    if model is None or not model.found or model.problems():
        return None
    detection = (base.detection if base else Detection()).model_dump() | form.detection_values()
    try:
        return Profile.model_validate(
            {
                "id": PREVIEW_ID,
                "name": tr("Preview"),
                "host": "http://localhost",
                "plugin_id": "preview",
                "source": model.values(),
                "detection": detection,
                "timeout_s": form.timeout.value,
            }
        )
    except ValidationError:
        return None


def to_connect(form: ProfileForm, known: Profile | None) -> Profile:
    """What logging in takes of the form, whatever is still missing of the model.

    Raises:
        ValidationError: the host or the id is wrong.
    """
    return Profile.model_validate(
        {
            **({"id": known.id} if known is not None else {}),
            "name": known.name if known is not None else form.name.value or tr("New plugin"),
            "host": form.host.value,
            "plugin_id": form.plugin_id.value,
            "source": RemoteSource(url="http://localhost", model="none"),
            "allow_insecure_host": form.insecure.value,
        }
    )


def place_of(part: Any) -> str:
    """The field that pydantic complains of."""
    return ".".join(str(step) for step in part["loc"] if step not in ("onnx", "callback", "remote"))


def words_of(form: ProfileForm, place: str, part: Any) -> str:
    """Pydantic's complaint as people read it."""
    if place == "name":
        if not form.name.value:
            return tr("Enter a name.")
        return tr("Enter a name of at most 100 characters on one line.")
    if place == "host":
        return tr("Must be an address such as https://api.ango.ai.")
    if place == "plugin_id":
        return tr("Enter the id that the hub shows for your plugin.")
    message = str(part.get("msg", "")).removeprefix("Value error, ").removeprefix("Input ").strip()
    return message[:1].upper() + message[1:] + "."
