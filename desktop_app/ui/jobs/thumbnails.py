"""Small pictures of assets, made in threads and kept within bounds."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QImage, QImageReader

from desktop_app.ui.background import Background

SIDE = QSize(192, 128)
"""In pixels: twice the size of a cell, for screens with a ratio of two."""

KEPT = 600


class Thumbnails(QObject):
    """Thumbnails by path.

    Signals:
        ready: the path whose thumbnail has been made.
    """

    ready = Signal(str)

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._made: OrderedDict[str, QImage] = OrderedDict()
        self._asked: set[str] = set()

    def get(self, path: str) -> QImage | None:
        """The thumbnail; None while it is being made. A null image where the file is no picture."""
        made = self._made.get(path)
        if made is not None:
            self._made.move_to_end(path)
            return made
        if path not in self._asked:
            self._asked.add(path)
            self._background.run(partial(read_thumbnail, path), partial(self._take, path), lambda _: None)
        return None

    def _take(self, path: str, image: QImage) -> None:
        self._asked.discard(path)
        self._made[path] = image
        while len(self._made) > KEPT:
            self._made.popitem(last=False)
        self.ready.emit(path)


def read_thumbnail(path: str) -> QImage:
    """A picture no larger than SIDE, upright; a null image where Qt cannot read the file."""
    if not Path(path).is_file():
        return QImage()
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    reader.setDecideFormatFromContent(True)
    size = reader.size()
    if size.isValid():
        # Twice as large as needed: the decoder's own scaling is coarse, the last step is smooth.
        rough = size.scaled(SIDE * 2, Qt.AspectRatioMode.KeepAspectRatioByExpanding)
        if rough.width() < size.width():
            reader.setScaledSize(rough)
    image = reader.read()
    if image.isNull():
        return image
    return image.scaled(SIDE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
