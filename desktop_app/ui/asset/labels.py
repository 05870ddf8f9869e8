"""Labels that avoid each other: above their shapes, else below or inside, else left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from desktop_app.ui.asset.items import Item
from desktop_app.ui.asset.look import View
from desktop_app.ui.asset.scene import Scene
from desktop_app.ui.tokens import text_on

MOST = 250
"""Labels drawn at once; nobody reads more."""

TRIED = 1500
"""Items that a place is looked for, the surest first."""

LONGEST = 36
"""Letters of a label; the list has the rest."""


def draw_labels(painter: QPainter, scene: Scene, shown: NDArray[np.int64], view: View, font: QFont) -> None:
    """Writes class and confidence beside placed items, where there is room."""
    small = QFont(font)
    small.setPixelSize(max(9, round(11.5 * view.ratio)))
    small.setWeight(QFont.Weight.DemiBold)
    painter.setFont(small)
    metrics = QFontMetricsF(small)
    room = _Room(view, metrics.height() + 2 * view.ratio)
    pad = 5 * view.ratio
    used = 0
    for item in _candidates(scene, shown, view):
        text = item.label if len(item.label) <= LONGEST else item.label[: LONGEST - 1] + "…"
        place = room.take(item, metrics.horizontalAdvance(text) + 2 * pad)
        if place is None:
            continue
        _plate(painter, place, text, item.colour, view.ratio)
        used += 1
        if used == MOST:
            return


def _candidates(scene: Scene, shown: NDArray[np.int64], view: View) -> list[Item]:
    """Those large enough on the screen to be told apart, the surest first: they stay where there is no room for all."""
    bounds = scene.bounds[shown] * view.scale
    crowded = len(shown) > 4 * MOST
    least = (24 if crowded else 7) * view.ratio
    large = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]) >= least
    kept = shown[large | (scene.styles.points[shown] & (not crowded))]
    items = scene.annotations.items
    found = [items[n] for n in scene.drawn[kept].tolist()]
    found.sort(key=lambda item: -(item.score or 0.0))
    return found[:TRIED]


class _Room:
    """Which places are taken, in cells of a quarter of a line: finding one is a look at a few of them."""

    def __init__(self, view: View, height: float) -> None:
        self._view = view
        self._height = height
        self._cell = height / 4
        across, down = int(view.width / self._cell) + 2, int(view.height / self._cell) + 2
        self._taken = np.zeros((down, across), dtype=bool)

    def take(self, item: Item, width: float) -> QRectF | None:
        """A free place for an item's label, which is then taken; None where there is none in sight."""
        view, height = self._view, self._height
        if item.bounds is None:
            return None
        left, top, right, bottom = item.bounds
        left, right = left * view.scale + view.x, right * view.scale + view.x
        top, bottom = top * view.scale + view.y, bottom * view.scale + view.y
        gap = 2 * view.ratio
        # Within what is seen, unless the shape itself is out of sight.
        spare = view.spare
        if right < spare or left > view.width - spare or bottom < spare or top > view.height - spare:
            spare = 0.0
        most_x, most_y = view.width - spare - width, view.height - spare - height
        start = min(max(left - view.ratio, spare), most_x)
        end = min(max(right - width + view.ratio, spare), most_x)
        for x, y in (
            (start, top - height - gap),
            (start, bottom + gap),
            (end, top - height - gap),
            (end, bottom + gap),
            (start, max(top, spare) + gap),
            (start, min(bottom, view.height - spare) - height - gap),
        ):
            if spare <= y <= most_y and x >= spare and self._is_free(x, y, width):
                return QRectF(x, y, width, height)
        return None

    def _is_free(self, x: float, y: float, width: float) -> bool:
        cell = self._cell
        cells = self._taken[
            int(y / cell) : int((y + self._height) / cell) + 1, int(x / cell) : int((x + width) / cell) + 1
        ]
        if cells.any():
            return False
        cells[:] = True
        return True


def _plate(painter: QPainter, place: QRectF, text: str, colour: str, ratio: float) -> None:
    """A plate in the class's colour; its thin rim, in the colour of the text, parts it from any ground."""
    ink = QColor(text_on(colour))
    rim = QColor(ink)
    rim.setAlpha(120)
    painter.setPen(QPen(rim, ratio))
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(place, 3 * ratio, 3 * ratio)
    painter.setPen(ink)
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)
