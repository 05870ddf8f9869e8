"""About the app: its version, and what it is made of with the licences of that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from desktop_app import __version__
from desktop_app.core import versions
from desktop_app.ui.formats import tr
from desktop_app.ui.icons import app_icon
from desktop_app.ui.side_page import SidePage
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import label, push_button


class AboutPage(SidePage):
    """The about page.

    Args:
        data_dir: where everything is kept; None hides its button.
        packages: what is bundled; reading it takes a moment, so it is asked when the page is first shown.
    """

    def __init__(
        self,
        data_dir: Path | None,
        packages: Callable[[], list[versions.Package]] = versions.packages,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("About Plugdeck"), parent)
        column = self.card_column()
        head = _card()
        row = QHBoxLayout()
        row.setSpacing(2 * SPACE)
        picture = QLabel()
        picture.setPixmap(app_icon().pixmap(QSize(56, 56), self.devicePixelRatioF()))
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.addWidget(label(tr("Plugdeck {version}").format(version=__version__), "title", selectable=True))
        words.addWidget(label(tr("Hosts your own models as Ango Hub plugins."), "muted", wrap=True))
        words.addWidget(
            label(
                tr(
                    "MIT licence. Plugdeck connects to nothing but your hubs and the assets they name:"
                    " it looks for no updates and reports nothing to anybody."
                ),
                wrap=True,
            )
        )
        row.addLayout(words, 1)
        _inside(head).addLayout(row)
        if data_dir is not None:
            where = label(tr("Your data: {place}").format(place=data_dir), "muted", wrap=True, selectable=True)
            line = QHBoxLayout()
            line.addWidget(where, 1)
            line.addWidget(
                push_button(
                    tr("Open the folder"),
                    lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(data_dir))),
                    icon="folder",
                ),
                0,
                Qt.AlignmentFlag.AlignTop,
            )
            _inside(head).addLayout(line)
        column.addWidget(head)
        self.parts = _card()
        _inside(self.parts).addWidget(label(tr("What it is made of"), "subtitle"))
        _inside(self.parts).addWidget(
            label(tr("Qt and PySide6 are used under the LGPL 3; their sources are at code.qt.io."), "muted", wrap=True)
        )
        if texts := versions.licence_texts():
            place = label(tr("The words of all licences are in {place}").format(place=texts), "muted", wrap=True)
            line = QHBoxLayout()
            line.addWidget(place, 1)
            line.addWidget(
                push_button(tr("Read the licences"), lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(texts)))),
                0,
                Qt.AlignmentFlag.AlignTop,
            )
            _inside(self.parts).addLayout(line)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(3 * SPACE)
        self._grid.setColumnStretch(2, 1)
        _inside(self.parts).addLayout(self._grid)
        column.addWidget(self.parts)
        column.addStretch(1)
        for number, package in enumerate([versions.python(), *packages()]):
            self._grid.addWidget(label(package.name), number, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(label(package.version, "muted"), number, 1, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(label(package.licence or tr("see its package"), "muted", wrap=True), number, 2)


def _card() -> QFrame:
    card = QFrame()
    card.setObjectName("card")
    column = QVBoxLayout(card)
    column.setContentsMargins(3 * SPACE, 2 * SPACE, 3 * SPACE, 2 * SPACE)
    column.setSpacing(SPACE)
    return card


def _inside(card: QFrame) -> QVBoxLayout:
    layout = card.layout()
    assert isinstance(layout, QVBoxLayout)  # noqa: S101 - for the type
    return layout
