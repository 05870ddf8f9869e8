"""Form fields that say what is wrong with them, below themselves, as one types."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from desktop_app.ui.formats import decimal, tr
from desktop_app.ui.tokens import CONTROL_HEIGHT, SPACE
from desktop_app.ui.widgets import label, name_choice, set_kind, tool_button

TITLE_WIDTH = 132


class Grid(QWidget):
    """Fields below each other; rows are title, control, and what is to be said about it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(2 * SPACE)
        self._grid.setVerticalSpacing(SPACE + 4)
        self._grid.setColumnStretch(1, 1)

    def add(self, *fields: Field) -> None:
        """Adds fields, each as the next row."""
        for field in fields:
            # As wide in every grid, so that the controls of all cards stand below each other.
            field.title.setFixedWidth(TITLE_WIDTH)
            field.title.setWordWrap(True)
            row = self._grid.rowCount()
            self._grid.addWidget(field.title, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(field, row, 1)


class Card(QFrame):
    """A group of fields with a title."""

    def __init__(self, title: str, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(title)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(3 * SPACE, 2 * SPACE + 4, 3 * SPACE, 2 * SPACE + 4)
        self.column.setSpacing(SPACE + 4)
        if title:
            self.column.addWidget(label(title, "subtitle"))
        if text:
            self.column.addWidget(label(text, "muted", wrap=True))
        self.grid = Grid()
        self.column.addWidget(self.grid)

    def add(self, *fields: Field) -> None:
        """Adds fields, each as the next row."""
        self.grid.add(*fields)


class Field(QWidget):
    """A control with its title (a buddy, so that Alt reaches it) and a line below for hints and errors.

    Signals:
        edited: the person changed the value.
    """

    edited = Signal()

    def __init__(self, title: str, control: QWidget, hint: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title: QLabel = label(title)
        self.title.setBuddy(control)
        # As high as one line's control, so that both are on one line, whatever is written below.
        self.title.setMinimumHeight(CONTROL_HEIGHT)
        self.control = control
        self._hint = hint
        self.touched = False
        self._name = title.replace("&", "")
        control.setAccessibleName(self._name)
        self.message = label(hint, "muted", wrap=True)
        if not hint:
            # Never shown before it has a place: it would be a window of its own, and take the focus from ours.
            self.message.hide()
        self.row = QHBoxLayout()
        self.row.setSpacing(SPACE)
        self.row.addWidget(control, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(self.row)
        column.addWidget(self.message)
        self._describe(hint)

    def set_hint(self, hint: str) -> None:
        """Says something else below the field."""
        self._hint = hint
        self._describe(hint)
        if not self.has_error:
            self._say(hint, "muted")

    @property
    def has_error(self) -> bool:
        """Whether the field says that something is wrong."""
        return bool(self.control.property("invalid"))

    def show_error(self, text: str) -> None:
        """Says what is wrong, or the hint again for ""."""
        self._say(text or self._hint, "error" if text else "muted")
        if bool(text) != self.has_error:
            self.control.setProperty("invalid", bool(text))
            self.control.style().unpolish(self.control)
            self.control.style().polish(self.control)
        self._describe(text or self._hint)

    def touch(self) -> None:
        """Remembers that the person has been here, so that its error may be shown."""
        self.touched = True
        self.edited.emit()

    def _describe(self, text: str) -> None:
        if isinstance(self.control, QComboBox):
            name_choice(self.control, self._name, text)
        else:
            self.control.setAccessibleDescription(text)

    def _say(self, text: str, kind: str) -> None:
        self.message.setText(text)
        self.message.setVisible(bool(text))
        set_kind(self.message, kind)


class TextField(Field):
    """One line of text."""

    def __init__(self, title: str, hint: str = "", placeholder: str = "") -> None:
        self.edit = QLineEdit()
        super().__init__(title, self.edit, hint)
        self.edit.setPlaceholderText(placeholder)
        self.edit.textEdited.connect(self.touch)

    @property
    def value(self) -> str:
        """The text without the spaces around it."""
        return self.edit.text().strip()

    @value.setter
    def value(self, text: str) -> None:
        self.edit.setText(text)


class SecretField(TextField):
    """A masked line that can be shown while it is typed, and never holds a stored secret."""

    def __init__(self, title: str, hint: str) -> None:
        super().__init__(title, hint)
        self.edit.setEchoMode(QLineEdit.EchoMode.Password)
        self.reveal = tool_button("eye", tr("Show what is typed"), checkable=True)
        self.reveal.toggled.connect(
            lambda on: self.edit.setEchoMode(QLineEdit.EchoMode.Normal if on else QLineEdit.EchoMode.Password)
        )
        self.row.addWidget(self.reveal)


class ChoiceField(Field):
    """One of several values; `editable` ones take any text."""

    def __init__(
        self, title: str, choices: tuple[tuple[str, str], ...], hint: str = "", *, editable: bool = False
    ) -> None:
        self.box = QComboBox()
        for text, value in choices:
            self.box.addItem(text, value)
        super().__init__(title, self.box, hint)
        self.box.setEditable(editable)
        if editable:
            self.box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
            self.box.editTextChanged.connect(self._typed)
        self.box.activated.connect(lambda _: self.touch())

    @property
    def value(self) -> str:
        """The chosen value, or the text that was typed."""
        if self.box.isEditable():
            text = self.box.currentText().strip()
            place = self.box.findText(text)
            return str(self.box.itemData(place)) if place >= 0 else text
        return str(self.box.currentData())

    @value.setter
    def value(self, value: str) -> None:
        place = self.box.findData(value)
        if place >= 0:
            self.box.setCurrentIndex(place)
        elif self.box.isEditable():
            self.box.setEditText(value)

    def _typed(self) -> None:
        if self.box.hasFocus():
            self.touch()

    def offer(self, choices: list[tuple[str, str]]) -> None:
        """Offers other values and keeps the present one."""
        value = self.value
        self.box.clear()
        for text, data in choices:
            self.box.addItem(text, data)
        self.value = value


class FileField(TextField):
    """A path with a button to pick it.

    Signals:
        browse: the person wants to pick a file.
    """

    browse = Signal()

    def __init__(self, title: str, hint: str = "", placeholder: str = "") -> None:
        super().__init__(title, hint, placeholder)
        self.button = tool_button("folder", tr("Choose a file…"), self.browse.emit)
        self.row.addWidget(self.button)


class PercentField(Field):
    """A value from 0 to 1 with a slider and its number."""

    def __init__(self, title: str, hint: str = "") -> None:
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setMinimumHeight(28)
        super().__init__(title, self.slider, hint)
        self.number = label("0.00")
        self.number.setMinimumWidth(36)
        self.number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.row.addWidget(self.number)
        self._exact: float | None = None
        self.slider.valueChanged.connect(self._moved)

    @property
    def value(self) -> float:
        """0 to 1; a value finer than the slider's steps is kept until the slider is moved."""
        return self.slider.value() / 100 if self._exact is None else self._exact

    @value.setter
    def value(self, value: float) -> None:
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(round(value * 100))
        self.slider.blockSignals(blocked)
        self._exact = value
        self.number.setText(decimal(value, 2))

    def _moved(self, value: int) -> None:
        self._exact = None
        self.number.setText(decimal(value / 100, 2))
        self.touch()


class NumberField(Field):
    """A whole number or one with decimals, within bounds."""

    def __init__(
        self, title: str, low: float, high: float, *, decimals: int = 0, suffix: str = "", hint: str = ""
    ) -> None:
        self.box: QSpinBox | QDoubleSpinBox
        if decimals:
            self.box = QDoubleSpinBox()
            self.box.setDecimals(decimals)
            self.box.setRange(low, high)
        else:
            self.box = QSpinBox()
            self.box.setRange(int(low), int(high))
        self.box.setSuffix(suffix)
        # The style sheet's padding does not reach the line inside.
        for line in self.box.findChildren(QLineEdit):
            line.setTextMargins(6, 0, 6, 0)
        self.box.setMaximumWidth(160)
        super().__init__(title, self.box, hint)
        self.row.setAlignment(Qt.AlignmentFlag.AlignLeft)
        self.box.valueChanged.connect(lambda _: self.touch())

    @property
    def value(self) -> float:
        """The number."""
        return self.box.value()

    @value.setter
    def value(self, value: float) -> None:
        blocked = self.box.blockSignals(True)
        if isinstance(self.box, QSpinBox):
            self.box.setValue(int(value))
        else:
            self.box.setValue(value)
        self.box.blockSignals(blocked)


class SwitchField(Field):
    """A check box; its text is beside the box."""

    def __init__(self, title: str, text: str, hint: str = "") -> None:
        self.box = QCheckBox(text)
        self.box.setMinimumHeight(28)
        super().__init__(title, self.box, hint)
        self.box.setAccessibleName(f"{title}: {text}" if title else text)
        self.box.clicked.connect(lambda _: self.touch())

    @property
    def value(self) -> bool:
        """Whether it is on."""
        return self.box.isChecked()

    @value.setter
    def value(self, on: bool) -> None:
        self.box.setChecked(on)


class LinesField(Field):
    """Several lines of plain text; Tab leaves it."""

    def __init__(self, title: str, hint: str = "", placeholder: str = "", *, height: int = 72) -> None:
        self.lines = QPlainTextEdit()
        self.lines.setTabChangesFocus(True)
        self.lines.setFixedHeight(height)
        super().__init__(title, self.lines, hint)
        self.lines.setPlaceholderText(placeholder)
        self._filling = False
        self.lines.textChanged.connect(self._changed)

    @property
    def value(self) -> str:
        """The text as it is."""
        return self.lines.toPlainText()

    @value.setter
    def value(self, text: str) -> None:
        self._filling = True
        self.lines.setPlainText(text)
        self._filling = False

    def _changed(self) -> None:
        if not self._filling:
            self.touch()
