from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from desktop_app.core.errors import UsageError
from desktop_app.runner.script_facts import read_script
from desktop_app.runner.templates import STYLES
from desktop_app.ui.editor import templates
from desktop_app.ui.editor.templates import TemplateDialog, new_script


async def opened(tools: Any) -> TemplateDialog:
    def find() -> TemplateDialog | None:
        shown = [w for w in QApplication.topLevelWidgets() if isinstance(w, TemplateDialog) and w.isVisible()]
        return shown[0] if shown else None

    await tools.until(lambda: find() is not None, 60.0)
    dialog = find()
    assert dialog is not None
    return dialog


def test_a_template_is_written_where_the_person_says(
    qtbot: Any, run: Any, tools: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.show()
    target = tmp_path / "mine"

    async def choose(*_: Any) -> Path:
        return target

    monkeypatch.setattr(templates, "choose_target", choose)

    async def scenario() -> None:
        from desktop_app.core.aio import spawn

        made = spawn(new_script(parent), name="make a script")
        dialog = await opened(tools)
        assert set(dialog.choices) == set(STYLES)
        dialog.choices["documented"].click()
        dialog.save_button.click()
        assert await made == tmp_path / "mine.py"
        assert read_script(tmp_path / "mine.py", {}).generation == "documented"
        made = spawn(new_script(parent), name="make a script")
        (await opened(tools)).save_button.click()
        with pytest.raises(UsageError, match="of that name already"):
            await made
        made = spawn(new_script(parent), name="make a script")
        (await opened(tools)).reject()
        assert await made is None

    run(scenario())
