"""Where the asset lies in the widget: zoom at a point, pan, fit. Plain geometry in device-independent pixels."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize

LARGEST_SCALE = 64.0
SPACE = 12
"""Room left around a picture that fits."""

REST = 40.0
"""So much of the picture stays in sight, wherever it is dragged."""


class Camera:
    """The asset's size, its place and its scale.

    Attributes:
        size: of the asset in its own pixels; empty while there is none.
        view: of the widget.
        scale: device-independent pixels per asset pixel.
        origin: where the asset's origin lies in the widget.
        fitted: whether it fits itself again when the widget's size changes.
    """

    def __init__(self) -> None:
        self.size = QSize()
        self.view = QSize()
        self.scale = 1.0
        self.origin = QPointF()
        self.fitted = True

    def to_asset(self, point: QPointF) -> QPointF:
        """Where a point of the widget lies on the asset."""
        return (point - self.origin) / self.scale

    def zoom_to(self, scale: float, at: QPointF) -> None:
        """Zooms so that the asset's point under `at` stays where it is."""
        fixed = self.to_asset(at)
        self.scale = min(max(scale, min(self.fit_scale() / 4, 1.0)), LARGEST_SCALE)
        self.origin = at - fixed * self.scale
        self.fitted = False
        self.hold_in_sight()

    def pan(self, by: QPointF) -> None:
        """Moves the asset."""
        self.origin += by
        self.fitted = False
        self.hold_in_sight()

    def centre_on(self, box: QRectF) -> bool:
        """Moves a part of the asset to the middle unless it is in sight; whether it had to."""
        seen = QRectF(self.to_asset(QPointF(0, 0)), self.to_asset(QPointF(self.view.width(), self.view.height())))
        if seen.contains(box):
            return False
        self.origin = QPointF(self.view.width() / 2, self.view.height() / 2) - box.center() * self.scale
        self.fitted = False
        self.hold_in_sight()
        return True

    def fit_scale(self) -> float:
        """The scale at which the whole asset is seen."""
        across = max(1, self.view.width() - 2 * SPACE) / max(1, self.size.width())
        down = max(1, self.view.height() - 2 * SPACE) / max(1, self.size.height())
        # A tiny picture is enlarged, but not into mosaic.
        return min(across, down, 8.0)

    def fit(self) -> None:
        """Shows the whole asset in the middle."""
        self.fitted = True
        self.scale = self.fit_scale()
        self.origin = QPointF(
            round((self.view.width() - self.size.width() * self.scale) / 2),
            round((self.view.height() - self.size.height() * self.scale) / 2),
        )

    def hold_in_sight(self) -> None:
        """Keeps a part of the picture in the widget, wherever it is dragged."""
        width, height = self.size.width() * self.scale, self.size.height() * self.scale
        self.origin.setX(min(max(self.origin.x(), REST - width), self.view.width() - REST))
        self.origin.setY(min(max(self.origin.y(), REST - height), self.view.height() - REST))
