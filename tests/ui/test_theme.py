from __future__ import annotations

import re

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QPushButton

from desktop_app.core.resources import resource
from desktop_app.ui.icons import app_icon, icon, pixmap, refresh_icons, set_icon
from desktop_app.ui.theme import apply_theme, mono_font, notifier, scaled_font, tokens, ui_font
from desktop_app.ui.tokens import DARK, LIGHT


def test_themes_take_turns(qapp: QApplication) -> None:
    heard: list[str] = []
    notifier().changed.connect(lambda: heard.append(tokens().name))
    apply_theme(qapp, "dark")
    assert tokens() is DARK
    assert qapp.palette().color(QPalette.ColorRole.Window).name() == DARK.window
    apply_theme(qapp, "light")
    assert tokens() is LIGHT
    assert heard[-1] == "light"
    apply_theme(qapp, "system")
    assert tokens() in (LIGHT, DARK)


def test_the_stylesheet_names_files_that_exist(qapp: QApplication) -> None:
    apply_theme(qapp, "light")
    files = re.findall(r'url\("([^"]+)"\)', qapp.styleSheet())
    assert len(files) >= 2
    for file in files:
        assert resource("icons", file.rsplit("/", 1)[1]).is_file()


def test_fonts_are_readable(qapp: QApplication) -> None:
    assert ui_font().pointSizeF() >= 9.5
    assert mono_font().pointSizeF() >= 9
    assert scaled_font(1.5, bold=True).pointSizeF() > ui_font().pointSizeF()


def test_every_icon_draws_something_in_the_asked_colour(qapp: QApplication) -> None:
    names = sorted(path.stem for path in resource("icons").glob("*.svg"))
    assert len(names) > 30
    for name in names:
        image = pixmap(name, 32, "#ff0000").toImage()
        seen = [
            image.pixelColor(x, y)
            for x in range(image.width())
            for y in range(image.height())
            if image.pixelColor(x, y).alpha()
        ]
        assert seen, name
        if name not in ("combo-arrow", "tick"):
            assert any(colour.red() > 200 and colour.green() < 60 for colour in seen), name
    assert not app_icon().isNull()


def test_icons_follow_the_theme(qapp: QApplication) -> None:
    apply_theme(qapp, "light")
    button = QPushButton()
    inner = QPushButton(button)
    set_icon(inner, "play")
    light = inner.icon().cacheKey()
    apply_theme(qapp, "dark")
    refresh_icons(button)
    assert inner.icon().cacheKey() != light
    assert inner.icon().cacheKey() == icon("play").cacheKey()
    apply_theme(qapp, "light")
