"""What was found out about a file: reading, a summary with reasons, or why it cannot be used."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from desktop_app.core.errors import KnownError
from desktop_app.ui.editor.class_list import names_for_hub
from desktop_app.ui.formats import plain, tr
from desktop_app.ui.icons import pixmap
from desktop_app.ui.theme import notifier, tokens
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, push_button, set_kind, tool_button


class Findings(QFrame):
    """A card; hidden until there is something to say."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self.classes: tuple[str, ...] = ()
        self._icon = ""
        self.picture = QLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.summary = label("", wrap=True, selectable=True)
        self.sure = label("", "muted", wrap=True)
        self.reasons = label("", "muted", wrap=True, selectable=True)
        self.details_button = push_button("", self._fold)
        self.details = label("", "muted", wrap=True, selectable=True)
        self.warnings = label("", "warn", wrap=True, selectable=True)
        self.progress = QProgressBar()
        self.progress.setRange(0, 0)
        self.progress.setTextVisible(False)
        self.copy_button = tool_button("copy", tr("Copy class names"), self.copy_classes, text=True)
        self.copy_button.setToolTip(tr("Ready to paste into the hub's Class Names field"))
        words = QVBoxLayout()
        words.setSpacing(SPACE // 2)
        for part in (self.progress, self.summary, self.sure, self.reasons, self.warnings):
            words.addWidget(part)
        words.addWidget(self.details_button, 0, Qt.AlignmentFlag.AlignLeft)
        words.addWidget(self.details)
        words.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignLeft)
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE + 4, SPACE, SPACE + 4, SPACE)
        row.setSpacing(SPACE)
        row.addWidget(self.picture)
        row.addLayout(words, 1)
        self._unfold(False)
        notifier().changed.connect(self._draw)
        self.hide()

    def read(self, text: str) -> None:
        """Says that the file is being looked at."""
        self._show(text, "muted")
        self.progress.show()

    def fail(self, error: KnownError) -> None:
        """Says what is wrong, where, and what to do."""
        where = f" ({plain(error.where, 200)})" if error.where else ""
        self._show(f"{plain(error.what, 600).rstrip('.')}{where}.", "error", icon="warn")
        self.reasons.setText(plain(error.remedy, 600))
        self.reasons.setVisible(bool(error.remedy))

    def tell(
        self,
        summary: str,
        reasons: tuple[str, ...],
        warnings: tuple[str, ...],
        classes: tuple[str, ...] = (),
        sure: str = "",
        details: tuple[str, ...] = (),
    ) -> None:
        """Says what the file is, how sure that is, and why; `details`, folded away, say it of each part."""
        self._show(summary, "", icon="check")
        self.classes = classes
        self.copy_button.setVisible(bool(classes))
        self.copy_button.setText(tr("Copy class names"))
        self.sure.setText(sure)
        self.sure.setVisible(bool(sure))
        self.reasons.setText("\n".join(f"· {plain(text, 300)}" for text in reasons))
        self.reasons.setVisible(bool(reasons))
        self.warnings.setText("\n".join(plain(text, 300) for text in warnings))
        self.warnings.setVisible(bool(warnings))
        self.details.setText("\n".join(f"· {plain(text, 300)}" for text in details))
        self._unfold(False)
        self.details_button.setVisible(bool(details))

    def copy_classes(self) -> None:
        """Puts the class names on the clipboard, as the hub's field takes them."""
        QGuiApplication.clipboard().setText(names_for_hub(self.classes))
        self.copy_button.setText(tr("Copied"))

    def _show(self, summary: str, kind: str, *, icon: str = "") -> None:
        self.classes = ()
        self._icon = icon
        self.progress.hide()
        self.summary.setText(summary)
        set_kind(self.summary, kind)
        for part in (self.sure, self.reasons, self.warnings, self.copy_button, self.details_button, self.details):
            part.hide()
        self.setAccessibleName(summary)
        self._draw()
        self.show()

    def _fold(self) -> None:
        self._unfold(self.details.isHidden())

    def _unfold(self, shown: bool) -> None:
        self.details.setVisible(shown)
        words = tr("Hide how sure each part is") if shown else tr("Show how sure each part is")
        self.details_button.setText(words)
        self.details_button.setAccessibleName(words)

    def _draw(self) -> None:
        self.picture.setVisible(bool(self._icon))
        if self._icon:
            colour = tokens().error if self._icon == "warn" else tokens().ok
            self.picture.setPixmap(pixmap(self._icon, 18, colour, self.devicePixelRatioF()))
