"""Which annotations are drawn and how, and which part of the asset is seen."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QPen

from desktop_app.ui.asset.items import Item, Layer


@dataclass(frozen=True, slots=True)
class Filter:
    """Which items are visible; `page` None shows those of all pages."""

    layers: frozenset[Layer] = frozenset({Layer.SENT})
    hidden: frozenset[str] = frozenset()
    min_score: float = 0.0
    page: int | None = None

    def shows(self, item: Item) -> bool:
        """Whether an item passes."""
        if item.layer not in self.layers or item.name in self.hidden:
            return False
        if self.page is not None and item.page is not None and item.page != self.page:
            return False
        return item.layer is not Layer.PREDICTIONS or item.score is None or item.score >= self.min_score


@dataclass(frozen=True, slots=True)
class Look:
    """How annotations are drawn; `opacity` is that of the fill, 0 to 1."""

    filter: Filter = field(default_factory=Filter)
    fill: bool = True
    labels: bool = True
    opacity: float = 0.2

    @property
    def mask_opacity(self) -> float:
        """How much of the picture a brush mask covers: it has no outline that would show where it is."""
        return min(1.0, self.opacity + 0.3) if self.fill else 0.0


@dataclass(frozen=True, slots=True)
class View:
    """A window onto the asset, in device pixels.

    Attributes:
        scale: device pixels per asset pixel.
        x, y: where the asset's origin lies in the window.
        ratio: device pixels per device-independent pixel, for line widths and text.
        spare: device pixels at every edge that are drawn ahead for panning, and not seen now.
    """

    scale: float
    x: float
    y: float
    width: int
    height: int
    ratio: float = 1.0
    spare: float = 0.0


def pen_and_brush(colour: str, layer: Layer, width: float, look: Look) -> tuple[QPen, QBrush]:
    """The line of a shape, by layer solid, dashed or dotted, and its fill."""
    pen = QPen(QColor(colour), width)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    if layer is Layer.PREDICTIONS:
        pen.setStyle(Qt.PenStyle.DashLine)
    elif layer is Layer.EXISTING:
        pen.setStyle(Qt.PenStyle.DotLine)
    if not look.fill or layer is Layer.PREDICTIONS:
        return pen, QBrush()
    fill = QColor(colour)
    fill.setAlphaF(look.opacity)
    return pen, QBrush(fill)
