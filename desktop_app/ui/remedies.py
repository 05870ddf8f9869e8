"""For an error that is shown, the buttons that do what its remedy says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from desktop_app.core import errors
from desktop_app.ui.formats import tr

if TYPE_CHECKING:
    from desktop_app.ui.main_window import MainWindow

Action = tuple[str, Callable[[], object]]

_IN_THE_FORM = (
    errors.ProfileError,
    errors.SecretError,
    errors.LoginRefused,
    errors.ModelLoadError,
    errors.CallbackError,
)


def remedies(window: MainWindow, error: errors.KnownError, profile_id: str) -> tuple[Action, ...]:
    """What can be done at once about an error of an action on a profile ("" for none)."""
    known = window.plugins.model.find(profile_id) is not None
    edit = (tr("Edit the plugin"), lambda: window.open_editor(profile_id=profile_id))
    doctor = (tr("Ask the doctor"), lambda: window.side.show_doctor(profile_id if known else ""))
    if isinstance(error, errors.HubError) and known:
        return (doctor, edit) if isinstance(error, errors.LoginRefused) else (doctor,)
    if isinstance(error, _IN_THE_FORM) and known:
        return (edit,)
    if isinstance(error, errors.ModelTimeout | errors.WorkerDied) and known:
        return ((tr("Restart the worker"), lambda: window.commands.run("restart", profile_id)),)
    if isinstance(error, errors.StoreError):
        return ((tr("Open the data folder"), window.side.open_data),)
    if isinstance(error, errors.HubError):
        return (doctor,)
    return ()
