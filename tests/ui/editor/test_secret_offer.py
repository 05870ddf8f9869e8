from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.aio import running_tasks, spawn
from desktop_app.runner.script_facts import read_script
from desktop_app.ui.background import Background
from desktop_app.ui.editor.page import EditorPage

SOURCE = (
    "from ango.plugins import ModelPlugin, run\n"
    "SECRET = 'hush-hush'  # mine\n"
    "def run_model(**data): ...\n"
    "run(ModelPlugin('65aa', SECRET, run_model), host='https://eu-api.ango.ai')\n"
)


@pytest.fixture
def page(qtbot: Any, host: Any, run: Any) -> Any:
    background = Background()
    page = EditorPage(host, lambda work, name: spawn(work, name=name) and None, background)
    qtbot.addWidget(page)
    page.resize(900, 700)
    page.show()
    yield page
    background.close()


@pytest.fixture
def script(tmp_path: Path, host: Any) -> Path:
    path = tmp_path / "count.py"
    path.write_text(SOURCE)
    host.script_facts = read_script(path, {})
    return path


async def save(page: EditorPage, script: Path, tools: Any) -> bool:
    """Imports the script and saves it, as the window does; whether the page has something to offer."""
    page.open_new(script)
    await tools.until(lambda: page.save_button.isEnabled() and page.secret.value == "hush-hush", 60.0)
    page.save_button.click()
    return await page.offer_removal()


def test_the_secret_is_taken_out_where_the_person_says_so(page: Any, run: Any, script: Any, tools: Any) -> None:
    async def scenario() -> None:
        assert await save(page, script, tools)
        offer = page.offer
        assert page.stack.currentWidget() is page.offer_area
        assert page.buttons.isHidden()
        assert script.read_text() == SOURCE, "nothing happens by itself"
        assert offer.before_title.text() == "Line 2 now"
        assert offer.before.text() == "SECRET = '••••••••'  # mine"
        offer.reveal.click()
        assert offer.before.text() == "SECRET = 'hush-hush'  # mine"
        after = 'SECRET = __import__("os").environ.get("PLUGIN_SECRET", "")  # mine'
        assert offer.after.text() == after
        offer.replace_button.click()
        await tools.until(offer.outcome.isVisible, 60.0)
        assert script.read_text() == SOURCE.replace("SECRET = 'hush-hush'  # mine", after)
        heard: list[bool] = []
        page.cancelled.connect(lambda: heard.append(True))
        offer.leave_button.click()
        assert heard == [True]
        page.hide()
        assert offer.before.text() == "", "it is not kept on a page that nobody sees"
        await tools.until(lambda: not running_tasks(), 60.0)

    run(scenario())


def test_a_script_that_changed_is_left_alone_and_shown_anew(page: Any, run: Any, script: Any, tools: Any) -> None:
    async def scenario() -> None:
        assert await save(page, script, tools)
        offer = page.offer
        edited = "# a new first line\n" + SOURCE
        script.write_text(edited)
        offer.replace_button.click()
        await tools.until(offer.outcome.isVisible, 60.0)
        assert "has changed in the meantime" in offer.outcome.summary.text()
        assert script.read_text() == edited
        offer.replace_button.click()
        await tools.until(lambda: offer.before_title.text() == "Line 3 now", 60.0)
        assert not offer.outcome.isVisible()
        offer.replace_button.click()
        await tools.until(lambda: "hush" not in script.read_text() and not running_tasks(), 60.0)
        assert script.read_text().startswith("# a new first line\n")

    run(scenario())


def test_there_is_nothing_to_offer(page: Any, run: Any, host: Any, script: Any, tools: Any) -> None:
    async def scenario() -> None:
        host.secrets.keychain = False
        assert not await save(page, script, tools), "only in memory: the file must keep it"
        host.secrets.keychain = True
        page.open_new(script)
        await tools.until(lambda: page.secret.value == "hush-hush", 60.0)
        page.secret.value = "another one"
        page.check()
        page.save_button.click()
        assert not await page.offer_removal(), "another secret was saved than the script's"
        assert script.read_text() == SOURCE
        await tools.until(lambda: not running_tasks(), 60.0)

    run(scenario())
