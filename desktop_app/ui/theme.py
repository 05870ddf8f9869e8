"""Makes the whole application look like one thing: Fusion, a palette and a stylesheet from the tokens."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication, QStyleFactory

from desktop_app.core.resources import resource
from desktop_app.ui.tokens import COMPACT_HEIGHT, CONTROL_HEIGHT, DARK, LIGHT, RADIUS, Tokens

ThemeName = Literal["system", "light", "dark"]
Density = Literal["comfortable", "compact"]

MONO = "mono"


class ThemeNotifier(QObject):
    """Tells widgets that paint by hand that the colours have changed."""

    changed = Signal()


_current: Tokens = LIGHT
_choice: ThemeName = "system"
_density: Density = "comfortable"
_notifier: ThemeNotifier | None = None
_connected_to: QApplication | None = None


def tokens() -> Tokens:
    """The colours in force now."""
    return _current


def notifier() -> ThemeNotifier:
    """The object whose `changed` fires after a theme came into force."""
    global _notifier  # noqa: PLW0603 - made late: a QObject before the application exists is trouble
    if _notifier is None:
        _notifier = ThemeNotifier()
    return _notifier


def roomy(comfortable: int, compact: int) -> int:
    """The one of two sizes that the density in force asks for."""
    return compact if _density == "compact" else comfortable


def apply_theme(app: QApplication, name: ThemeName, density: Density | None = None, *, styled: bool = True) -> None:
    """Puts a theme in force and follows the system's choice while `name` is "system"; None keeps the density.

    Args:
        styled: False leaves the stylesheet to `style`: widgets that are put together before it is in force cost less.
    """
    global _current, _choice, _connected_to, _density  # noqa: PLW0603 - one application has one look
    first = _connected_to is not app
    if first:
        app.setStyle(QStyleFactory.create("Fusion"))
        app.setFont(ui_font())
        app.styleHints().colorSchemeChanged.connect(lambda: _follow_system(app))
        _connected_to = app
    _choice = name
    chosen = _system_tokens(app) if name == "system" else (DARK if name == "dark" else LIGHT)
    if not first and chosen is _current and density in (None, _density):
        return
    _current = chosen
    _density = density or _density
    app.setPalette(palette_of(chosen))
    if styled:
        style(app)
    notifier().changed.emit()


def style(app: QApplication) -> None:
    """Puts the stylesheet of the theme in force."""
    app.setStyleSheet(stylesheet(_current))


def _follow_system(app: QApplication) -> None:
    if _choice == "system":
        apply_theme(app, "system")


def _system_tokens(app: QApplication) -> Tokens:
    return DARK if app.styleHints().colorScheme() == Qt.ColorScheme.Dark else LIGHT


def ui_font() -> QFont:
    """The system's own font, never smaller than people can read."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    if sys.platform.startswith("linux") and font.family() in ("Sans Serif", "Sans"):
        font.setFamilies(["Inter", "Noto Sans", "Cantarell", "Ubuntu", "Open Sans", "DejaVu Sans", "Sans Serif"])
    if font.pointSizeF() < 9.5:
        font.setPointSizeF(9.5)
    return font


def mono_font(scale: float = 1.0) -> QFont:
    """The fixed-width font for logs and JSON."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPointSizeF(ui_font().pointSizeF() * 0.95 * scale)
    return font


@lru_cache(maxsize=32)
def scaled_font(scale: float, *, bold: bool = False) -> QFont:
    """The system font in another size or weight."""
    font = ui_font()
    font.setPointSizeF(font.pointSizeF() * scale)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return font


def palette_of(t: Tokens) -> QPalette:
    """The palette that the style draws from."""
    palette = QPalette()
    role = QPalette.ColorRole
    for where, colour in (
        (role.Window, t.window),
        (role.WindowText, t.text),
        (role.Base, t.surface),
        (role.AlternateBase, t.sunken),
        (role.Text, t.text),
        (role.Button, t.raised),
        (role.ButtonText, t.text),
        (role.BrightText, t.error),
        (role.ToolTipBase, t.raised),
        (role.ToolTipText, t.text),
        (role.PlaceholderText, t.muted),
        (role.Highlight, t.accent),
        (role.HighlightedText, t.on_accent),
        (role.Link, t.accent_text),
        (role.LinkVisited, t.accent_text),
        (role.Accent, t.accent),
        (role.Light, t.raised),
        (role.Midlight, t.border),
        (role.Mid, t.border),
        (role.Dark, t.border_strong),
        (role.Shadow, "#000000"),
    ):
        palette.setColor(where, QColor(colour))
    for where in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, where, QColor(t.border_strong))
    palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(t.border_strong))
    return palette


def stylesheet(t: Tokens) -> str:
    """The application's stylesheet; properties such as `kind="primary"` choose variants."""
    tick = resource("icons", "tick.svg").as_posix()
    chevron = resource("icons", "combo-arrow.svg").as_posix()
    control = roomy(CONTROL_HEIGHT, COMPACT_HEIGHT)
    entry, head, tab = roomy(5, 2), roomy(4, 2), roomy(6, 3)
    return f"""
    QToolTip {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.border_strong}; padding: 4px 6px; }}
    QMainWindow, QDialog {{ background: {t.window}; }}

    #toolbar {{ background: {t.surface}; border-bottom: 1px solid {t.border}; }}
    #panel, #card {{ background: {t.surface}; }}
    #card {{ border: 1px solid {t.border}; border-radius: {RADIUS + 2}px; }}
    #panelHeader {{ background: {t.surface}; border-bottom: 1px solid {t.border}; }}
    #banner {{ background: {t.sunken}; border: 1px solid {t.border}; border-radius: {RADIUS}px; }}
    QLabel[kind="section"] {{ color: {t.muted}; font-size: {ui_font().pointSizeF() * 0.9:.2f}pt; font-weight: 600; }}
    QLabel[kind="title"] {{ font-size: {ui_font().pointSizeF() * 1.5:.2f}pt; font-weight: 600; }}
    QLabel[kind="subtitle"] {{ font-size: {ui_font().pointSizeF() * 1.15:.2f}pt; font-weight: 600; }}
    QLabel[kind="muted"] {{ color: {t.muted}; }}
    QLabel[kind="error"] {{ color: {t.error}; }}
    QLabel[kind="ok"] {{ color: {t.ok}; }}
    QLabel[kind="warn"] {{ color: {t.warn}; }}
    QLabel[kind="brand"] {{ font-size: {ui_font().pointSizeF() * 1.15:.2f}pt; font-weight: 700; }}

    QPushButton {{ background: {t.raised}; border: 1px solid {t.border_strong}; border-radius: {RADIUS}px;
        padding: 0 12px; min-height: {control - 2}px; color: {t.text}; }}
    QPushButton:hover {{ background: {t.hover}; }}
    QPushButton:pressed {{ background: {t.selected}; }}
    QPushButton:focus {{ border: 2px solid {t.accent_text}; padding: 0 11px; min-height: {control - 4}px; }}
    QPushButton:disabled {{ color: {t.border_strong}; border-color: {t.border}; background: {t.sunken}; }}
    QPushButton[kind="primary"] {{ background: {t.accent}; border-color: {t.accent}; color: {t.on_accent};
        font-weight: 600; }}
    QPushButton[kind="primary"]:hover {{ background: {t.accent_hover}; }}
    QPushButton[kind="primary"]:focus {{ border: 2px solid {t.text}; }}
    QPushButton[kind="primary"]:disabled {{ background: {t.border}; border-color: {t.border}; color: {t.muted}; }}
    QPushButton[kind="danger"] {{ color: {t.error}; border-color: {t.error}; }}
    QPushButton[kind="link"] {{ background: transparent; border-color: transparent; color: {t.accent_text}; }}
    QPushButton[kind="link"]:hover {{ background: {t.hover}; }}
    QPushButton[kind="link"]:focus {{ border-color: {t.accent_text}; }}
    QPushButton[kind="door"] {{ text-align: left; padding: 16px; background: {t.surface};
        border: 1px solid {t.border}; border-radius: 10px; }}
    QPushButton[kind="door"]:hover {{ border-color: {t.accent_text}; background: {t.hover}; }}
    QPushButton[kind="door"]:focus {{ border: 2px solid {t.accent_text}; padding: 15px; }}

    QToolButton {{ background: transparent; border: 1px solid transparent; border-radius: {RADIUS}px;
        padding: 3px 5px; min-height: 20px; color: {t.text}; }}
    QToolButton:hover {{ background: {t.hover}; }}
    QToolButton:checked {{ background: {t.selected}; color: {t.accent_text}; }}
    QToolButton:focus {{ border-color: {t.accent_text}; }}
    QToolButton:disabled {{ color: {t.border_strong}; }}
    QToolButton::menu-indicator {{ image: none; }}
    QToolButton[kind="segment"] {{ border: 1px solid {t.border}; border-radius: {RADIUS}px;
        padding: 0 4px 0 10px; min-height: {control - 2}px; max-height: {control - 2}px; }}
    QToolButton[kind="segment"]:checked {{ border-color: {t.accent_text}; }}
    QToolButton[kind="segment"]:focus {{ border: 2px solid {t.accent_text}; padding: 0 3px 0 9px;
        min-height: {control - 4}px; max-height: {control - 4}px; }}

    QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QSpinBox, QDoubleSpinBox {{ background: {t.surface};
        border: 1px solid {t.border_strong}; border-radius: {RADIUS}px; color: {t.text};
        selection-background-color: {t.accent}; selection-color: {t.on_accent}; }}
    QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox {{ padding: 0 8px; min-height: {control - 2}px; }}
    QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus
        {{ border: 2px solid {t.accent_text}; }}
    QLineEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus
        {{ padding: 0 7px; min-height: {control - 4}px; }}
    QLineEdit[invalid="true"], QComboBox[invalid="true"] {{ border-color: {t.error}; }}
    QLineEdit:disabled, QComboBox:disabled {{ color: {t.border_strong}; border-color: {t.border}; }}
    QPlainTextEdit[kind="json"] {{ border: none; border-radius: 0; background: {t.sunken}; }}
    QAbstractSpinBox QLineEdit, QComboBox QLineEdit {{ border: none; background: transparent; padding: 0 6px;
        min-height: 0; }}
    QComboBox QLineEdit {{ padding: 0; }}
    QComboBox::drop-down {{ border: none; width: 22px; }}
    QComboBox::down-arrow {{ image: url("{chevron}"); width: 12px; height: 12px; }}
    QComboBox QAbstractItemView {{ background: {t.raised}; border: 1px solid {t.border_strong}; outline: none;
        selection-background-color: {t.selected}; selection-color: {t.text}; padding: 2px; }}
    QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button, QDoubleSpinBox::down-button
        {{ width: 0; border: none; }}

    QAbstractItemView {{ background: {t.surface}; border: none; outline: none; color: {t.text};
        selection-background-color: {t.selected}; selection-color: {t.text}; }}
    QTableView, QTreeView {{ alternate-background-color: {t.sunken}; gridline-color: {t.border};
        outline: 1px solid {t.accent_text}; }}
    QTableView::item {{ padding: 0 8px; border: none; }}
    QTableView::item:selected, QTreeView::item:selected, QListView::item:selected
        {{ background: {t.selected}; color: {t.text}; }}
    QTreeView::item {{ padding: {roomy(2, 0)}px 0; border: none; }}
    QTreeView::item:hover, QTableView::item:hover {{ background: {t.hover}; }}
    QHeaderView {{ background: {t.surface}; }}
    QHeaderView::section {{ background: {t.surface}; color: {t.muted}; border: none;
        border-bottom: 1px solid {t.border}; padding: {head}px 11px; font-weight: 600; }}
    QTableCornerButton::section {{ background: {t.surface}; border: none; }}

    QTabWidget::pane {{ border: none; border-top: 1px solid {t.border}; }}
    QTabBar {{ background: transparent; }}
    QTabBar::tab {{ background: transparent; color: {t.muted}; padding: {tab}px 8px; border: none;
        border-bottom: 2px solid transparent; }}
    QTabBar[narrow="true"]::tab {{ padding: {tab}px 2px; }}
    QTabBar::tab:selected {{ color: {t.text}; border-bottom-color: {t.accent_text}; font-weight: 600; }}
    QTabBar::tab:focus {{ color: {t.accent_text}; }}

    QCheckBox::indicator, QTreeView::indicator, QMenu::indicator {{ width: 14px; height: 14px; border-radius: 3px;
        border: 1px solid {t.border_strong}; background: {t.surface}; }}
    QCheckBox::indicator:checked, QTreeView::indicator:checked, QMenu::indicator:checked {{ background: {t.accent};
        border-color: {t.accent}; image: url("{tick}"); }}
    QRadioButton::indicator {{ width: 14px; height: 14px; border-radius: 8px; border: 1px solid {t.border_strong};
        background: {t.surface}; }}
    QRadioButton::indicator:checked {{ width: 6px; height: 6px; border: 5px solid {t.accent};
        background: {t.on_accent}; }}
    QRadioButton:focus {{ color: {t.accent_text}; }}
    QCheckBox::indicator:focus {{ border: 2px solid {t.accent_text}; }}
    QMenu::indicator {{ margin-left: 6px; }}

    QScrollBar {{ background: transparent; border: none; }}
    QScrollBar:vertical {{ width: 10px; }}
    QScrollBar:horizontal {{ height: 10px; }}
    QScrollBar::handle {{ background: {t.border_strong}; border-radius: 3px; margin: 2px; min-height: 24px;
        min-width: 24px; }}
    QScrollBar::handle:hover {{ background: {t.muted}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QScrollArea {{ border: none; background: transparent; }}
    QAbstractScrollArea::corner {{ border: none; background: transparent; }}
    QScrollArea > QWidget > QWidget#page {{ background: {t.window}; }}

    QSplitter::handle {{ background: {t.border}; }}
    QSplitter::handle:hover {{ background: {t.accent}; }}
    QMenu {{ background: {t.raised}; border: 1px solid {t.border_strong}; padding: 4px; }}
    QMenu::item {{ padding: {entry}px 24px {entry}px 12px; border-radius: 4px; color: {t.text}; }}
    QMenu::item:selected {{ background: {t.selected}; }}
    QMenu::item:disabled {{ color: {t.border_strong}; }}
    QMenu::separator {{ height: 1px; background: {t.border}; margin: 4px 8px; }}
    QMenu::icon {{ padding-left: 8px; }}
    QProgressBar {{ background: {t.border}; border: none; border-radius: 2px; max-height: 4px; min-height: 4px; }}
    QProgressBar::chunk {{ background: {t.accent}; border-radius: 2px; }}
    QSlider:horizontal {{ min-height: 22px; }}
    QSlider::groove:horizontal {{ height: 4px; background: {t.border}; border-radius: 2px; }}
    QSlider::sub-page:horizontal {{ background: {t.accent}; border-radius: 2px; }}
    QSlider::handle:horizontal {{ background: {t.surface}; border: 2px solid {t.accent_text}; width: 12px;
        height: 12px; margin: -6px 0; border-radius: 8px; }}
    QSlider::handle:horizontal:focus {{ background: {t.accent_text}; }}
    QSlider::handle:horizontal:disabled {{ border-color: {t.border}; }}
    """
