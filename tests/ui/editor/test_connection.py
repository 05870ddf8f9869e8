from __future__ import annotations

from typing import Any

import pytest

from desktop_app.core.aio import spawn
from desktop_app.core.errors import LoginRefused
from desktop_app.ui.background import Background
from desktop_app.ui.editor.page import EditorPage


@pytest.fixture
def page(qtbot: Any, host: Any, run: Any) -> Any:
    background = Background()
    page = EditorPage(host, lambda work, name: spawn(work, name=name), background)
    qtbot.addWidget(page)
    yield page
    background.close()


def fill(page: EditorPage, qtbot: Any, plugin_id: str = "p1", secret: str = "hush") -> None:
    qtbot.keyClicks(page.plugin_id.edit, plugin_id)
    qtbot.keyClicks(page.secret.edit, secret)
    page.check()


def test_a_login_that_is_taken(page: EditorPage, run: Any, host: Any, tools: Any, qtbot: Any) -> None:
    async def scenario() -> None:
        page.open_new()
        field = page.connection
        assert not field.button.isEnabled(), "there is nothing to log in with"
        fill(page, qtbot)
        assert field.button.isEnabled()
        field.button.click()
        await tools.until(lambda: field.running)
        assert field.button.text() == "Cancel"
        assert not field.progress.isHidden()
        host.connection.set()
        await tools.until(lambda: "taken the login" in field.message.text())
        assert host.calls[-1] == ("connect", "p1 hush")
        assert field.button.text() == "Test connection"
        assert field.progress.isHidden()
        qtbot.keyClicks(page.plugin_id.edit, "x")
        assert field.message.text() == "", "another id has not been tested"

    run(scenario())


def test_a_refusal_says_what_to_do(page: EditorPage, run: Any, host: Any, tools: Any, qtbot: Any) -> None:
    async def scenario() -> None:
        page.open_new()
        fill(page, qtbot)
        host.fail_next = LoginRefused("The hub closes the connection", remedy="Check plugin id and secret.")
        page.connection.button.click()
        await tools.until(lambda: "Check plugin id and secret." in page.connection.message.text())
        assert page.connection.message.property("kind") == "error"

    run(scenario())


def test_it_can_be_cancelled_and_ends_with_the_page(
    page: EditorPage, run: Any, host: Any, tools: Any, qtbot: Any
) -> None:
    async def scenario() -> None:
        page.show()
        page.open_new()
        fill(page, qtbot)
        for end in (page.connection.button.click, page.hide):
            page.connection.button.click()
            await tools.until(lambda: page.connection.running)
            end()
            await tools.until(lambda: page.connection.button.text() == "Test connection")
            assert not page.connection.running
            assert page.connection.message.text() == ""

    run(scenario())


def test_the_kept_secret_serves_a_known_plugin(page: EditorPage, run: Any, host: Any, tools: Any) -> None:
    async def scenario() -> None:
        host.connection.set()
        profile = tools.profile()
        host.put(profile)
        page.open_profile(profile)
        page.connection.button.click()
        await tools.until(lambda: "taken the login" in page.connection.message.text())
        assert host.calls[-1] == ("connect", f"{profile.plugin_id} None")

    run(scenario())
