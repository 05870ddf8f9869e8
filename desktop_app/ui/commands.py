"""What the person's commands do: the window's part and the host's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from desktop_app.core.errors import UsageError
from desktop_app.core.events import ProfileState
from desktop_app.core.profile import Profile
from desktop_app.ui.dialogs import ask, choose_files, choose_target
from desktop_app.ui.editor.class_list import names_for_hub
from desktop_app.ui.editor.templates import new_script
from desktop_app.ui.formats import local, plain, tr
from desktop_app.ui.logs.panel import line_text

if TYPE_CHECKING:
    from desktop_app.ui.main_window import MainWindow


UNKEPT = "secrets that are kept nowhere"
MOST_NAMED = 3


def midnight() -> float:
    """When today began here, in seconds since the epoch."""
    return local(time.time()).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


class Commands(QObject):
    """Runs commands for the window; their errors become notices there."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._unkept: dict[str, Profile] = {}

    def run(self, name: str, profile_id: str) -> None:
        """A command of the plugins list."""
        window, host = self._window, self._window.host
        row = window.plugins.model.find(profile_id)
        if row is None:
            return
        match name:
            case "start":
                window.notices.watch(self._start(row.profile, row.status.state), "start a profile", profile_id)
            case "stop":
                window.notices.watch(host.stop_profile(profile_id), "stop a profile", profile_id)
            case "restart":
                window.notices.watch(host.restart_worker(profile_id), "restart a worker", profile_id)
            case "edit":
                window.open_editor(profile_id=profile_id)
            case "duplicate":
                window.open_editor(profile_id=profile_id, copy=True)
            case "remove":
                window.notices.watch(self._remove(row.profile), "remove a profile", profile_id)
            case "export":
                window.notices.watch(self._export(row.profile), "export a profile")
            case "classes":
                self._copy_classes(row.profile)
            case "test":
                window.notices.watch(self._choose_and_test(row.profile), "test a profile", profile_id)

    def start_all(self) -> None:
        """Starts every plugin that does not run."""
        window = self._window
        for row in window.plugins.model.rows:
            if row.status.state is ProfileState.STOPPED:
                window.notices.watch(window.host.start_profile(row.profile.id), "start a profile", row.profile.id)

    def stop_all(self) -> None:
        """Stops every plugin."""
        window = self._window
        for row in window.plugins.model.rows:
            window.notices.watch(window.host.stop_profile(row.profile.id), "stop a profile", row.profile.id)

    def save_profile(self, profile: Profile, secret: str | None, start: bool) -> None:
        """Keeps what the form says."""
        self._window.notices.watch(self._save(profile, secret, start), "save a profile", profile.id)

    def add(self, kind: str) -> None:
        """Opens the form for a "model" or a "script" that the person picks, or for a script from a "template"."""
        patterns = {"model": tr("ONNX models (*.onnx)"), "script": tr("Python scripts (*.py)")}
        if kind == "template":
            self._window.notices.watch(self._new_script(), "make a script")
        else:
            self._window.notices.watch(self._choose(patterns[kind]), "choose a file")

    def bring_in(self) -> None:
        """Imports an exported plugin."""
        self._window.notices.watch(self._bring_in(), "import a profile")

    def test(self) -> None:
        """Tests a file with the selected plugin, or the first."""
        window = self._window
        profile = self._chosen()
        if profile is not None:
            window.notices.watch(self._choose_and_test(profile), "test a profile", profile.id)

    def test_files(self, files: Sequence[Path]) -> None:
        """Tests dropped assets."""
        window = self._window
        profile = self._chosen()
        if profile is None:
            window.notices.say(
                window.tr("Add a plugin first."), window.tr("Drop an .onnx model or a .py script."), tone="busy"
            )
        else:
            window.notices.watch(self._test(profile, list(files)), "test a profile", profile.id)

    def import_profiles(self, files: Sequence[Path]) -> None:
        """Adds exported profiles, and opens the last one's form: its secret is not in the file."""
        self._window.notices.watch(self._import(list(files)), "import a profile")

    async def _import(self, files: list[Path]) -> None:
        window = self._window
        for file in files:
            profile = await window.host.import_profile(file)
        window.editor.open_profile(profile)
        window.show_alone(window.editor)

    def save_log(self) -> None:
        """Writes the log lines that are shown to a file."""
        self._window.notices.watch(self._save_log(), "save the log")

    # ---- the work ----

    def _chosen(self) -> Profile | None:
        window = self._window
        rows = window.plugins.model.rows
        return window.plugins.selected() or (rows[0].profile if rows else None)

    async def _start(self, profile: Profile, state: ProfileState) -> None:
        if state is not ProfileState.STOPPED:
            await self._window.host.stop_profile(profile.id)
        await self._window.host.start_profile(profile.id)

    async def _save(self, profile: Profile, secret: str | None, start: bool) -> None:
        window, host = self._window, self._window.host
        known = window.plugins.model.find(profile.id) is not None
        if window.demo.welcome(profile):
            secret = None  # the demo hub gives it one of its own
        token = window.editor.token_for(profile)
        if known:
            warning = await host.update_profile(profile, secret, token)
        else:
            warning = await host.add_profile(profile, secret, token)
        # What holds the secret may still stand in a script: the page then stays and offers to take it out.
        if warning or not await window.editor.offer_removal():
            window.show_page("live")
        if warning:
            self._unkept[profile.id] = profile
        elif secret is not None:
            self._unkept.pop(profile.id, None)
        self._tell_of_unkept(str(warning))
        row = window.plugins.model.find(profile.id)
        if start and (row is None or row.status.state is ProfileState.STOPPED):
            await host.start_profile(profile.id)
        window.bridge.flush()
        window.plugins.select(profile.id)

    async def _remove(self, profile: Profile) -> None:
        window = self._window
        sure = await ask(
            window,
            window.tr("Remove {name}?").format(name=profile.name),
            (
                window.tr("It goes offline, and its secret leaves the keychain. Its jobs stay in the history.")
                if await window.host.secrets.has_keychain()
                else window.tr("It goes offline, and its secret is forgotten. Its jobs stay in the history.")
            ),
            yes=window.tr("Remove"),
            no=window.tr("Keep"),
            danger=True,
        )
        if sure:
            await window.host.remove_profile(profile.id)
            self._unkept.pop(profile.id, None)
            self._tell_of_unkept()

    def _tell_of_unkept(self, latest: str = "") -> None:
        """Says in one card of which plugins the secret is kept nowhere; `latest`: what the host says of the last."""
        window, unkept = self._window, tuple(self._unkept.values())
        if not unkept:
            window.notices.clear(UNKEPT)
            return
        if not latest and UNKEPT not in window.notices.abouts:
            return  # read and put away
        names = ", ".join(plain(profile.name, 40) for profile in unkept[:MOST_NAMED])
        if len(unkept) > MOST_NAMED:
            names = tr("{names} and {n} more").format(names=names, n=len(unkept) - MOST_NAMED)
        variables = ", ".join(profile.secret_variable for profile in unkept[:MOST_NAMED])
        one = len(unkept) == 1
        what = (
            tr("The secret of {names} is forgotten when Plugdeck ends.")
            if one
            else tr("The secrets of {names} are forgotten when Plugdeck ends.")
        )
        window.notices.say(
            what.format(names=names),
            tr("No keychain keeps it. Unlock or install one and save the plugin again, or set {variables}.").format(
                variables=variables
            ),
            latest if one else "",
            tone="warn",
            about=UNKEPT,
            actions=((tr("Ask the doctor"), lambda: window.side.show_doctor()),),
        )

    async def _export(self, profile: Profile) -> None:
        window = self._window
        target = await choose_target(
            window, window.tr("Export a plugin"), f"{_file_name(profile.name)}.json", window.tr("Plugins (*.json)")
        )
        if target is not None:
            await _write(target, window.host.profiles.export_text(profile))
            window.notices.say(window.tr("Exported without its secret."), str(target), tone="ok")

    async def _bring_in(self) -> None:
        window = self._window
        files = await choose_files(window, window.tr("Import a plugin"), window.tr("Plugins (*.json)"))
        if files:
            text = await _read(files[0])
            profile = window.host.profiles.import_text(text)
            window.editor.open_profile(profile, copy=True)
            window.editor.name.value = profile.name
            window.editor.check()
            window.pages.setCurrentWidget(window.editor)

    def _copy_classes(self, profile: Profile) -> None:
        window = self._window
        info = window.host.model_info(profile.id) or {}
        names = profile.detection.classes or info.get("classes") or ()
        if names:
            QGuiApplication.clipboard().setText(names_for_hub(str(name) for name in names))
            window.notices.say(
                tr("Class names copied: {names}").format(names=plain(names_for_hub(str(name) for name in names), 120)),
                tr("Paste them into the hub's field Class Names."),
                tone="ok",
            )
        else:
            window.notices.say(
                window.tr("The class names are not known yet."), window.tr("Start the plugin first."), tone="busy"
            )

    async def _new_script(self) -> None:
        file = await new_script(self._window)
        if file is not None:
            self._window.open_editor(file)

    async def _choose(self, patterns: str) -> None:
        files = await choose_files(self._window, self._window.tr("Choose a file"), patterns)
        if files:
            self._window.open_editor(files[0])

    async def _choose_and_test(self, profile: Profile) -> None:
        window = self._window
        files = await choose_files(
            window,
            window.tr("Test {name} with a file").format(name=profile.name),
            window.tr("All files (*)"),
            many=True,
        )
        if files:
            await self._test(profile, files)

    async def _test(self, profile: Profile, files: list[Path]) -> None:
        results: Sequence[Any] = await self._window.host.test(profile, files)
        self._window.viewing.show_test(profile, results)

    async def _save_log(self) -> None:
        window = self._window
        target = await choose_target(window, window.tr("Save the log"), "plugdeck.log", window.tr("Logs (*.log *.txt)"))
        if target is not None:
            await _write(target, "\n".join(line_text(line) for line in window.logs.lines_shown()) + "\n")


def _file_name(name: str) -> str:
    """A profile's name as a file name that every system takes."""
    kept = "".join(char if char.isalnum() or char in "-_ " else "_" for char in name).strip()
    return kept or "plugin"


async def _write(target: Path, text: str) -> None:
    try:
        await asyncio.to_thread(target.write_text, text, encoding="utf-8")
    except OSError as error:
        raise UsageError(tr("The file could not be written"), where=str(target), remedy=error.strerror or "") from error


async def _read(path: Path) -> str:
    try:
        return await asyncio.to_thread(path.read_text, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(tr("The file could not be read"), where=str(path)) from error
