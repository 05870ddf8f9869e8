"""Our own stroke icons, coloured for the theme in force. The files are in `resources/icons`."""

from __future__ import annotations

from functools import cache, lru_cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QWidget

from desktop_app.core.resources import resource
from desktop_app.ui.theme import tokens

_PROPERTY = "iconName"
_COLOUR = "iconColour"
_SIZES = (16, 20, 24, 32, 48, 64)


@lru_cache(maxsize=128)
def _source(name: str) -> str:
    return resource("icons", f"{name}.svg").read_text(encoding="utf-8")


def pixmap(name: str, size: int, colour: str, ratio: float = 1.0) -> QPixmap:
    """An icon as a picture, `size` device-independent pixels square."""
    return _drawn(_renderer(name, colour), size, ratio)


def _renderer(name: str, colour: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(_source(name).replace("currentColor", colour).encode()))


def _drawn(renderer: QSvgRenderer, size: int, ratio: float = 1.0) -> QPixmap:
    picture = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return picture


@lru_cache(maxsize=512)
def _icon(name: str, colour: str, disabled: str) -> QIcon:
    result = QIcon()
    for mode, drawn_in in ((QIcon.Mode.Normal, colour), (QIcon.Mode.Disabled, disabled)):
        renderer = _renderer(name, drawn_in)
        for size in _SIZES:
            result.addPixmap(_drawn(renderer, size), mode)
    return result


def icon(name: str, colour: str = "text") -> QIcon:
    """An icon in a token's colour of the theme in force."""
    t = tokens()
    return _icon(name, getattr(t, colour), t.border_strong)


def set_icon(button: QAbstractButton, name: str, colour: str = "text") -> None:
    """Gives a button an icon that `refresh_icons` keeps in the theme's colour."""
    button.setProperty(_PROPERTY, name)
    button.setProperty(_COLOUR, colour)
    button.setIcon(icon(name, colour))


def refresh_icons(root: QWidget) -> None:
    """Colours every icon below `root` again after a change of theme."""
    for button in root.findChildren(QAbstractButton):
        name = button.property(_PROPERTY)
        if name:
            button.setIcon(icon(str(name), str(button.property(_COLOUR) or "text")))


@cache
def app_icon() -> QIcon:
    """The application's own icon, drawn once: it takes long, and the tray asks for it with every change of state."""
    renderer = QSvgRenderer(str(resource("plugdeck.svg")))
    result = QIcon()
    for size in (*_SIZES, 128, 256):
        picture = QPixmap(size, size)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        renderer.render(painter)
        painter.end()
        result.addPixmap(picture)
    return result
