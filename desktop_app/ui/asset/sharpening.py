"""The images that a view is painted from: made in a thread for the view that is wanted, shown shifted until then."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRectF, QTimer, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QWidget

from desktop_app.ui.asset.camera import Camera
from desktop_app.ui.asset.look import Look, View
from desktop_app.ui.background import Background
from desktop_app.ui.theme import tokens, ui_font

if TYPE_CHECKING:
    from desktop_app.ui.asset.pictures import Picture
    from desktop_app.ui.asset.render import Rendered, Stack
    from desktop_app.ui.asset.scene import Scene

MARGIN = 192
"""How far images reach beyond the widget, in device-independent pixels, so that panning does not show bare edges."""


class Sharpening(QObject):
    """Renders the latest wish; one at a time, and what is outdated is given up.

    Signals:
        sharp: the images belong to what was wanted last.
    """

    sharp = Signal()

    def __init__(self, widget: QWidget, background: Background) -> None:
        super().__init__(widget)
        self._widget = widget
        self._background = background
        self._rendered: Rendered | None = None
        self._wanted: tuple[Stack, View, Look] | None = None
        self._running: tuple[Stack, View, Look] | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._start)
        self._wish: tuple[Camera, Picture | None, Scene | None, tuple[Picture, ...], Look | None] | None = None

    @property
    def is_sharp(self) -> bool:
        """Whether the images belong to what was wanted last."""
        return self._rendered is not None and not self._soon.isActive() and self._running is None

    def forget(self) -> None:
        """Shows nothing of an earlier picture."""
        self._rendered = None

    def want(
        self,
        camera: Camera,
        picture: Picture | None,
        scene: Scene | None,
        masks: tuple[Picture, ...],
        look: Look | None,
    ) -> None:
        """Says what is to be seen; it is made once the event loop comes round."""
        self._wish = (camera, picture, scene, masks, look)
        if not self._soon.isActive():
            self._soon.start()

    def _start(self) -> None:
        widget = self._widget
        if self._wish is None or self._wish[0].size.isEmpty() or not widget.isVisible():
            return
        from desktop_app.ui.asset.render import Stack
        from desktop_app.ui.asset.scene import NOTHING

        camera, picture, scene, masks, look = self._wish
        stack = Stack(picture, scene or NOTHING, masks)
        self._wanted = (stack, self._view(camera), look or Look())
        if self._running is None:
            self._run()

    def _run(self) -> None:
        from desktop_app.ui.asset.render import render

        wanted = self._wanted
        if wanted is None:
            return
        self._running = wanted
        stack, view, look = wanted
        self._background.run(
            partial(render, stack, view, look, ui_font(), partial(self._is_outdated, wanted)),
            partial(self._take, wanted),
            self._failed,
        )

    def _is_outdated(self, what: tuple[Stack, View, Look]) -> bool:
        # Asked from the thread. Another view of the same asset is worth finishing: panning would never get sharp.
        wanted = self._wanted
        return wanted is None or wanted[0].picture is not what[0].picture or wanted[0].scene is not what[0].scene

    def _take(self, made: tuple[Stack, View, Look], rendered: Rendered) -> None:
        self._running = None
        if self._wanted is not None and made[0].picture is self._wanted[0].picture:
            self._rendered = rendered
            self._widget.update()
        self._go_on(made)

    def _failed(self, error: Exception) -> None:
        from desktop_app.ui.asset.render import Outdated

        made, self._running = self._running, None
        if isinstance(error, Outdated):
            self._go_on(made)

    def _go_on(self, made: tuple[Stack, View, Look] | None) -> None:
        if self._soon.isActive():
            return
        if self._wanted is not made:
            self._run()
        else:
            self.sharp.emit()

    def _view(self, camera: Camera) -> View:
        widget = self._widget
        ratio = widget.devicePixelRatioF()
        return View(
            scale=camera.scale * ratio,
            x=(camera.origin.x() + MARGIN) * ratio,
            y=(camera.origin.y() + MARGIN) * ratio,
            width=round((widget.width() + 2 * MARGIN) * ratio),
            height=round((widget.height() + 2 * MARGIN) * ratio),
            ratio=ratio,
            spare=MARGIN * ratio,
        )

    def paint(self, painter: QPainter, camera: Camera, picture: Picture | None, *, overlay: bool) -> None:
        """Paints what there is, where it belongs now."""
        shown = self._rendered
        if shown is None:
            self._paint_rough(painter, camera, picture)
            return
        ratio = self._widget.devicePixelRatioF()
        factor = camera.scale * ratio / shown.view.scale
        target = QRectF(
            camera.origin.x() - shown.view.x * factor / ratio,
            camera.origin.y() - shown.view.y * factor / ratio,
            shown.view.width * factor / ratio,
            shown.view.height * factor / ratio,
        )
        same = abs(factor - 1) < 1e-6
        if not same or not target.contains(QRectF(self._widget.rect())):
            self._paint_rough(painter, camera, picture)
        if same:
            # On whole device pixels, or the painter would blend instead of copy.
            target.moveTo(round(target.x() * ratio) / ratio, round(target.y() * ratio) / ratio)
        if shown.base is not None and same:
            painter.drawImage(target, shown.base)
        if overlay:
            painter.drawImage(target, shown.overlay)

    def _paint_rough(self, painter: QPainter, camera: Camera, picture: Picture | None) -> None:
        if picture is None:
            painter.fillRect(QRectF(camera.origin, camera.size.toSizeF() * camera.scale), QColor(tokens().surface))
            return
        from desktop_app.ui.asset.render import paint_picture

        widget = self._widget
        view = View(camera.scale, camera.origin.x(), camera.origin.y(), widget.width(), widget.height())
        paint_picture(painter, picture, view, smooth=False)
