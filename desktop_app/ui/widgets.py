"""Small pieces that every view is put together from."""

from __future__ import annotations

import sys
from collections.abc import Callable

from PySide6.QtCore import QEvent, QItemSelectionModel, QObject, QSize, Qt, QTimer
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.ui.formats import tip
from desktop_app.ui.icons import pixmap, set_icon
from desktop_app.ui.theme import notifier, tokens
from desktop_app.ui.tokens import SPACE


def label(text: str, kind: str = "", *, wrap: bool = False, selectable: bool = False) -> QLabel:
    """A label that never reads its text as markup."""
    result = QLabel(text)
    result.setTextFormat(Qt.TextFormat.PlainText)
    result.setWordWrap(wrap)
    if kind:
        result.setProperty("kind", kind)
    if selectable:
        result.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return result


def set_kind(widget: QWidget, kind: str) -> None:
    """Changes the variant a widget is styled as."""
    if widget.property("kind") != kind:
        widget.setProperty("kind", kind)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def tool_button(
    icon: str,
    name: str,
    slot: Callable[[], object] | None = None,
    *,
    text: bool = False,
    checkable: bool = False,
    shortcut: str = "",
) -> QToolButton:
    """A flat button with an icon; its name is the tooltip and what a screen reader says."""
    button = QToolButton()
    set_icon(button, icon)
    button.setIconSize(QSize(18, 18))
    button.setAccessibleName(name)
    button.setToolTip(f"{name} ({shortcut})" if shortcut else name)
    button.setCheckable(checkable)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if text:
        button.setText(name)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    if slot is not None:
        button.clicked.connect(lambda: slot())
    return button


def push_button(text: str, slot: Callable[[], object] | None = None, *, kind: str = "", icon: str = "") -> QPushButton:
    """A button with a text; `kind` is "primary", "danger" or ""."""
    button = QPushButton(text)
    button.setAccessibleName(text.replace("&", ""))
    if kind:
        button.setProperty("kind", kind)
    if icon:
        set_icon(button, icon, "on_accent" if kind == "primary" else "text")
    if slot is not None:
        button.clicked.connect(lambda: slot())
    return button


class PanelHeader(QFrame):
    """The line above a panel: its name, then what can be done with it."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panelHeader")
        self.setFixedHeight(36)
        self.title = label(title.upper(), "section")
        self.title.setAccessibleName(title)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(SPACE + 4, 0, SPACE, 0)
        self.row.setSpacing(SPACE // 2)
        self.row.addWidget(self.title)
        self.row.addStretch(1)

    def add(self, *widgets: QWidget) -> None:
        """Adds controls at the right end."""
        for widget in widgets:
            self.row.addWidget(widget)


class Panel(QFrame):
    """A surface with a header and a column below it."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.header = PanelHeader(title)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        self.column.addWidget(self.header)


class EmptyState(QWidget):
    """What a view shows while it has nothing: a picture, a sentence, what to do, and a button that does it."""

    def __init__(self, icon: str, title: str, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = icon
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.title = label(title, "subtitle", wrap=True)
        self.text = label(text, "muted", wrap=True)
        for part in (self.title, self.text):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.buttons = QHBoxLayout()
        self.buttons.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        column.setSpacing(SPACE)
        column.addStretch(1)
        for part in (self._picture, self.title, self.text):
            column.addWidget(part)
        column.addLayout(self.buttons)
        column.addStretch(1)
        self._draw()
        notifier().changed.connect(self._draw)

    def say(self, icon: str, title: str, text: str = "") -> None:
        """Shows something else."""
        if (icon, title, text) == (self._icon, self.title.text(), self.text.text()):
            return
        self._icon = icon
        self.title.setText(title)
        self.text.setText(text)
        self.text.setVisible(bool(text))
        self._draw()

    def add_button(self, button: QWidget) -> None:
        """Adds what to do about it."""
        self.buttons.addWidget(button)

    def _draw(self) -> None:
        self._picture.setPixmap(pixmap(self._icon, 36, tokens().muted, self.devicePixelRatioF()))


class ElidedLabel(QLabel):
    """One line that ends in … where there is no room; the whole text is its tooltip."""

    def __init__(self, text: str = "", kind: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._whole = ""
        self._said: tuple[str, str] | None = None
        if kind:
            self.setProperty("kind", kind)
        self.say(text)

    def say(self, text: str, tooltip: str = "") -> None:
        """Shows another text."""
        if (text, tooltip) == self._said:
            return
        self._said = (text, tooltip)
        self._whole = text
        self.setAccessibleName(text)
        self.setToolTip(tip(tooltip or text))
        self._elide()

    def whole(self) -> str:
        """The text without regard to room."""
        return self._whole

    def resizeEvent(self, event: object) -> None:
        self._elide()

    def _elide(self) -> None:
        self.setText(
            self.fontMetrics().elidedText(
                self._whole, Qt.TextElideMode.ElideRight, max(0, self.contentsRect().width() - 2)
            )
        )


class FittedArea(QScrollArea):
    """As high as what it holds, while there is room; below that it scrolls rather than squeezes."""

    def __init__(self, inner: QWidget, least: int = 72, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._inner = inner
        self._least = least
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(inner)
        self.setStyleSheet("QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; }")
        inner.installEventFilter(self)

    def sizeHint(self) -> QSize:
        inner = self._inner
        layout = inner.layout()
        high = layout.totalHeightForWidth(self.width()) if layout is not None and layout.hasHeightForWidth() else 0
        return QSize(inner.sizeHint().width(), max(high, inner.sizeHint().height() if high <= 0 else 0))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, min(self._least, self.sizeHint().height()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.widget() and event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Resize):
            self.updateGeometry()
        return super().eventFilter(watched, event)


def follow_selection(view: QAbstractItemView) -> None:
    """Makes the one entry that is selected the current one: a screen reader selects without going there."""
    chosen = view.selectionModel()

    def follow() -> None:
        entries = chosen.selectedIndexes()
        if len(entries) == 1 and entries[0] != chosen.currentIndex():
            chosen.setCurrentIndex(entries[0], QItemSelectionModel.SelectionFlag.NoUpdate)

    # Later: a view that goes somewhere selects first.
    chosen.selectionChanged.connect(lambda: QTimer.singleShot(0, view, follow))


def name_choice(box: QComboBox, name: str, hint: str = "") -> None:
    """Names a choice and says more about it.

    Linux' screen readers get the chosen text from Qt where the name should be: there the description names it.
    """
    box.setAccessibleName(name)
    named = sys.platform == "linux"
    box.setAccessibleDescription(". ".join(part for part in (name if named else "", hint) if part))


class ElidedCombo(QComboBox):
    """A choice that may be narrow: its text ends in … where there is no room, and is the tooltip.

    Args:
        least: letters that it can always show.
        whole: up to so many pixels, what is chosen is shown in full.
    """

    def __init__(self, least: int = 6, whole: int = 0, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = whole
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(least)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.currentTextChanged.connect(lambda text: self.setToolTip(tip(text)))
        self.currentTextChanged.connect(lambda _: self.updateGeometry())
        # Also while its own signals are blocked: how wide it wants to be is nobody's news.
        self.model().rowsInserted.connect(lambda *_: self.updateGeometry())

    def minimumSizeHint(self) -> QSize:
        least = super().minimumSizeHint()
        text = min(self.fontMetrics().horizontalAdvance(self.currentText()), self._whole)
        return QSize(max(least.width(), text + 48 if text else 0), least.height())

    def sizeHint(self) -> QSize:
        # As wide as the widest choice, within reason; `least` letters are what it can shrink to.
        widest = max((self.fontMetrics().horizontalAdvance(self.itemText(n)) for n in range(self.count())), default=0)
        return QSize(max(self.minimumSizeHint().width(), min(widest, 160) + 48), super().sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        box = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        room = box.width() - 4 - (0 if option.currentIcon.isNull() else option.iconSize.width() + 4)
        option.currentText = self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideRight, room)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


def clear_layout(layout: QLayout) -> None:
    """Removes every widget of a layout."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.setParent(None)
            widget.deleteLater()
