"""How annotations are drawn, and which part of the asset is seen."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QPen

from desktop_app.ui.asset.items import Layer
from desktop_app.ui.asset.scene import Filter


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
    """

    scale: float
    x: float
    y: float
    width: int
    height: int
    ratio: float = 1.0


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
