from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication

from desktop_app.core.aio import running_tasks, spawn
from desktop_app.core.errors import ProfileError
from desktop_app.runner.interpreters import Interpreter
from desktop_app.ui.editor.python_field import PythonField

LACKS = Interpreter(None, "3.12.4", "bundled", missing=("cv2", "torch"))


def start(work: Any, name: str) -> None:
    spawn(work, name=name)


@pytest.fixture
def field(qtbot: Any, host: Any, run: Any) -> PythonField:
    field = PythonField(host, start)
    qtbot.addWidget(field)
    field.show()
    return field


@pytest.fixture
def python(tmp_path: Path) -> Path:
    path = tmp_path / "env" / "bin" / "python"
    path.parent.mkdir(parents=True)
    path.write_text("")
    return path


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "plugin.py"


def test_what_is_missing_is_named_with_the_command(
    field: PythonField, host: Any, run: Any, tools: Any, python: Path, script: Path
) -> None:
    found = Interpreter(python, "3.10.1", "venv", str(python.parent.parent), ("cv2",))
    host.pythons = [LACKS, found]

    async def scenario() -> None:
        field.look_for(script)
        assert field.looking
        assert field.progress.isVisible()
        assert "Looking for Pythons" in field.state.text()
        await tools.until(lambda: not field.looking)
        assert not field.progress.isVisible()
        assert field.value == ""
        assert field.state.text().startswith("Lacks cv2, torch, and nothing can be installed into it.")
        assert field.install.isHidden()
        assert field.box.itemText(1) == f"Python 3.10.1 · environment · {python.parent.parent} – lacks cv2"
        field.box.setCurrentIndex(1)
        assert field.install.isVisible()
        field.copy_button.click()
        assert QGuiApplication.clipboard().text() == f"{python} -m pip install opencv-python-headless"
        assert field.copy_button.text() == "Copied"
        # It was installed meanwhile.
        host.pythons = [LACKS, Interpreter(python, "3.10.1", "venv", str(python.parent.parent))]
        field.again_button.click()
        await tools.until(lambda: field.state.text() == "Has every module that the script imports.")
        assert field.value == str(python)
        assert field.install.isHidden()

    run(scenario())


def test_the_best_is_suggested_unless_somebody_chose(
    field: PythonField, host: Any, run: Any, tools: Any, python: Path, script: Path
) -> None:
    host.pythons = [LACKS, Interpreter(python, "3.10.1", "venv", str(python.parent.parent))]

    async def scenario() -> None:
        field.look_for(script, suggest=True)
        await tools.until(lambda: field.value == str(python))
        field.clear()
        field.touch()
        field.look_for(script, suggest=True)
        await tools.until(lambda: not field.looking)
        assert field.value == "", "what a person chose stays"

    run(scenario())


def test_one_that_is_gone_says_so(field: PythonField, host: Any, run: Any, tools: Any, script: Path) -> None:
    async def scenario() -> None:
        field.value = "/no/such/python"
        field.look_for(script)
        await tools.until(lambda: not field.looking)
        assert field.value == "/no/such/python"
        assert field.box.currentText() == "/no/such/python (not there any more)"
        assert field.problem == "This Python is not there any more. Choose another one."

    run(scenario())


def test_another_one_is_looked_at_before_it_counts(
    field: PythonField, host: Any, run: Any, tools: Any, python: Path, script: Path
) -> None:
    async def scenario() -> None:
        field.look_for(script)
        await tools.until(lambda: not field.looking)
        await field.take(python)
        assert field.value == str(python)
        assert "no Python that works" in field.problem
        assert "no Python that works" in field.message.text()
        host.pythons.append(Interpreter(python, "3.9.1", "system", "/usr"))
        await field.take(python)
        assert field.problem == ""
        assert not field.has_error
        assert field.touched

    run(scenario())


def test_leaving_ends_the_search(
    field: PythonField, host: Any, run: Any, tools: Any, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    async def for_ever(_: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(host, "find_pythons", for_ever)

    async def scenario() -> None:
        field.look_for(script)
        await tools.until(lambda: field._task is not None)
        field.look_for(script)
        field.cancel()
        await tools.until(lambda: not running_tasks())
        assert not field.looking

    run(scenario())


def test_a_search_that_fails_says_why(field: PythonField, host: Any, run: Any, tools: Any, script: Path) -> None:
    host.fail_next = ProfileError("The folder cannot be read")

    async def scenario() -> None:
        field.look_for(script)
        await tools.until(lambda: not field.looking)
        assert field.box.count() == 1

    run(scenario())
