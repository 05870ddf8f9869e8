"""Classifications of the whole asset, and what else is to be said of it, as chips that wrap."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QSizePolicy, QWidget

from desktop_app.ui.asset.items import Chip
from desktop_app.ui.formats import plain, tip
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import clear_layout, label

MOST = 24


class FlowLayout(QLayout):
    """Puts widgets beside each other and begins a new line where there is no room."""

    def __init__(self, parent: QWidget | None = None, gap: int = 6) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self._gap = gap

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._arrange(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._arrange(rect, move=True)

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        edges = self.contentsMargins()
        high = max((item.sizeHint().height() for item in self._items), default=0)
        return QSize(40, high + edges.top() + edges.bottom())

    def _arrange(self, rect: QRect, *, move: bool) -> int:
        edges = self.contentsMargins()
        inner = rect.adjusted(edges.left(), edges.top(), -edges.right(), -edges.bottom())
        x, y, line = inner.left(), inner.top(), 0
        for item in self._items:
            wanted = item.sizeHint()
            width = min(wanted.width(), max(40, inner.width()))
            if x > inner.left() and x + width > inner.right() + 1:
                x, y, line = inner.left(), y + line + self._gap, 0
            if move:
                item.setGeometry(QRect(x, y, width, wanted.height()))
            x += width + self._gap
            line = max(line, wanted.height())
        return y + line - rect.top() + edges.bottom()


class ChipRow(QWidget):
    """The chips of one asset; hidden while there are none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[tuple[Chip, ...], tuple[str, ...]] = ((), ())
        self._flow = FlowLayout(self)
        self._flow.setContentsMargins(SPACE + 4, SPACE - 2, SPACE, SPACE - 2)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.hide()

    def texts(self) -> list[str]:
        """What the chips say."""
        widgets = (self._flow.itemAt(n) for n in range(self._flow.count()))
        return [item.widget().text() for item in widgets if item is not None]  # type: ignore[union-attr]

    def show_chips(self, chips: Sequence[Chip], notes: Sequence[str] = ()) -> None:
        """Shows classifications, then sentences."""
        wanted = (tuple(chips), tuple(notes))
        if wanted == self._shown:
            return
        self._shown = wanted
        clear_layout(self._flow)
        for chip in chips[:MOST]:
            text = f"{plain(chip.title, 40)}: {plain(chip.answer, 60)}"
            self._add(text, f"border: 1px solid {chip.colour}; border-left: 4px solid {chip.colour};")
        if len(chips) > MOST:
            self._add(f"+{len(chips) - MOST}", "")
        for note in notes:
            self._add(plain(note, 200), "", kind="muted")
        self.setVisible(bool(chips or notes))
        self.updateGeometry()

    def _add(self, text: str, border: str, kind: str = "") -> None:
        widget = label(text, kind)
        widget.setToolTip(tip(text))
        widget.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        widget.setStyleSheet(f"QLabel {{ {border} border-radius: 4px; padding: 1px 6px; }}")
        self._flow.addWidget(widget)
        widget.show()
