from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt

from desktop_app.core.aio import spawn
from desktop_app.store.settings import Settings
from desktop_app.ui.settings_page import SettingsPage


def test_every_titled_setting_is_shown_and_kept(run: Any, host: Any, tools: Any, qtbot: Any) -> None:
    async def scenario() -> None:
        page = SettingsPage(host.settings, lambda work, name: spawn(work, name=name))
        qtbot.addWidget(page)
        page.refresh()
        assert set(page.fields) == {name for name, info in Settings.model_fields.items() if info.title}
        theme: Any = page.fields["theme"]
        theme.value = "dark"
        theme.touch()
        await tools.until(lambda: host.settings.current.theme == "dark")
        limit: Any = page.fields["cache_limit_mb"]
        limit.box.setValue(4096)
        await tools.until(lambda: host.settings.current.cache_limit_mb == 4096)
        days: Any = page.fields["history_days"]
        days.box.setValue(0)
        await tools.until(lambda: host.settings.current.history_days is None)
        tray: Any = page.fields["close_to_tray"]
        assert tray.value == ""
        tray.value = "yes"
        tray.touch()
        await tools.until(lambda: host.settings.current.close_to_tray is True)
        notifications: Any = page.fields["notifications"]
        notifications.box.click()
        await tools.until(lambda: host.settings.current.notifications is False)
        page.refresh()
        assert (theme.value, limit.value, days.value, tray.value) == ("dark", 4096, 0, "yes")

    run(scenario())


def test_a_wrong_value_is_said_at_its_field(run: Any, host: Any, tools: Any, qtbot: Any) -> None:
    async def scenario() -> None:
        page = SettingsPage(host.settings, lambda work, name: spawn(work, name=name))
        qtbot.addWidget(page)
        page.refresh()
        proxy: Any = page.fields["proxy"]
        qtbot.keyClicks(proxy.edit, "nonsense")
        proxy.edit.editingFinished.emit()
        await tools.until(lambda: proxy.has_error)
        assert host.settings.current.proxy == ""
        proxy.value = "http://proxy:3128"
        proxy.edit.editingFinished.emit()
        await tools.until(lambda: host.settings.current.proxy == "http://proxy:3128")
        assert not proxy.has_error

    run(scenario())


def test_search(run: Any, host: Any, qtbot: Any) -> None:
    async def scenario() -> None:
        page = SettingsPage(host.settings, lambda work, name: spawn(work, name=name))
        qtbot.addWidget(page)
        page.show()
        page.search.setText("prox")
        assert page.fields["proxy"].isVisible()
        assert not page.fields["theme"].isVisible()
        page.search.setText("no such thing")
        assert page.nothing.isVisible()
        page.search.clear()
        assert page.fields["theme"].isVisible()
        heard: list[bool] = []
        page.closed.connect(lambda: heard.append(True))
        qtbot.keyClick(page, Qt.Key.Key_Escape)
        assert heard == [True]

    run(scenario())
