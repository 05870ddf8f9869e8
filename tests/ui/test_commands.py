from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication

from desktop_app.core.events import ProfileState
from desktop_app.runner.script_facts import read_script
from desktop_app.ui import commands
from desktop_app.ui.main_window import MainWindow

SOURCE = "from ango.plugins import *\nrun(ModelPlugin('65aa', 'hush-hush', run_model), host='https://eu-api.ango.ai')\n"


def test_a_saved_script_starts_while_its_secret_may_be_taken_out(
    opened: Any, host: Any, tools: Any, tmp_path: Path
) -> None:
    script = tmp_path / "count.py"
    script.write_text(SOURCE)
    host.script_facts = read_script(script, {})

    async def scenario(window: MainWindow) -> None:
        window.take_files([script])
        editor = window.editor
        await tools.until(editor.start_button.isEnabled)
        editor.start_button.click()
        await tools.until(lambda: editor.stack.currentWidget() is editor.offer_area)
        assert window.pages.currentWidget() is editor
        (profile,) = host.profiles.all()
        await tools.until(lambda: host.status(profile.id).state is ProfileState.ONLINE)
        assert host.secrets.kept[profile.id] == "hush-hush"
        editor.offer.leave_button.click()
        assert window.pages.currentWidget() is window.work
        assert read_script(script, {}).secret == "hush-hush", "left where it was"
        # The second time there is nothing new to take: the page leaves at once.
        window.open_editor(profile_id=profile.id)
        editor.save_button.click()
        await tools.until(lambda: ("update", profile.id) in host.calls)
        await tools.until(lambda: window.pages.currentWidget() is window.work)

    opened(scenario)


def test_a_template_opens_as_a_new_plugin(
    opened: Any, host: Any, tools: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "my_boxes.py"
    made.write_text(SOURCE)

    async def new_script(_: Any) -> Path:
        return made

    monkeypatch.setattr(commands, "new_script", new_script)

    async def scenario(window: MainWindow) -> None:
        window.welcome.template_button.click()
        await tools.until(lambda: window.pages.currentWidget() is window.editor)
        assert window.editor.name.value == "My boxes"
        assert window.editor.script.path.value == str(made)

    opened(scenario)


def test_class_names_are_copied_from_the_list(opened: Any, host: Any, tools: Any) -> None:
    host.put(tools.profile())

    async def scenario(window: MainWindow) -> None:
        window.commands.run("classes", "fasteners")
        assert QGuiApplication.clipboard().text() == "bolt, nut, washer"
        assert window.notices.texts[0] == "Class names copied: bolt, nut, washer"

    opened(scenario)


def test_one_card_tells_of_all_secrets_that_no_keychain_keeps(opened: Any, host: Any, tools: Any) -> None:
    host.unkept = "This machine has no keychain that could keep the secret. It is forgotten when this program ends."

    async def scenario(window: MainWindow) -> None:
        profiles = [tools.profile(name) for name in ("Bolts", "Nuts", "Washers")]
        for profile in profiles:
            window.commands.save_profile(profile, "hush", False)
            await tools.until(lambda name=profile.name: any(name in text for text in window.notices.texts))
            assert len(window.notices.texts) == 1, window.notices.texts
        assert "Bolts, Nuts, Washers" in window.notices.texts[0]
        # Once a keychain keeps them, nothing is left to say.
        host.unkept = ""
        for profile in profiles:
            window.commands.save_profile(profile, "hush", False)
        await tools.until(lambda: window.notices.texts == ())

    opened(scenario)
