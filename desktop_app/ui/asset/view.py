"""The picture with its annotations: zoom at the pointer, pan, hover, select.

Both the sharp picture and the overlay come from a thread as images a little larger than the widget. A frame while
panning only shifts them; while zooming it stretches them until sharp ones arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.ui.background import Background
from desktop_app.ui.theme import notifier, tokens, ui_font

if TYPE_CHECKING:
    from desktop_app.ui.asset.render import Look, Rendered, View
    from desktop_app.ui.asset.scene import Picture, Scene

MARGIN = 192
"""How far images reach beyond the widget, in device-independent pixels, so that panning does not show bare edges."""

STEP = 1.25
LARGEST_SCALE = 64.0
REACH = 4.0


class AssetView(QWidget):
    """Shows a picture and a scene.

    Signals:
        hovered: index of the annotation under the pointer, or -1.
        selected: index of the annotation that was clicked or stepped to, or -1.
        scale_changed: device-independent pixels per asset pixel.
        held_off: True while Space keeps the overlay away.
    """

    hovered = Signal(int)
    selected = Signal(int)
    scale_changed = Signal(float)
    held_off = Signal(bool)
    sharp = Signal()

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Asset with annotations"))
        self.order: Callable[[], Sequence[int]] = tuple
        """Says in which order `step` goes; the drawing order where it leaves one out."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 160)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._background = background
        self._picture: Picture | None = None
        self._scene: Scene | None = None
        self._look: Look | None = None
        self._size = QSize()
        self._scale = 1.0
        self._origin = QPointF()
        self._fitted = True
        self._rendered: Rendered | None = None
        self._rendering = False
        self._stale = False
        self._hovered = -1
        self._selected = -1
        self._held = False
        self._drag: QPointF | None = None
        self._press: QPointF | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._render)
        notifier().changed.connect(self.update)

    # ---- what is shown ----

    def show_picture(self, picture: Picture | None, size: QSize | None = None, *, keep_view: bool = False) -> None:
        """Shows another picture; `size` serves where there is none but annotations still have a place."""
        self._picture = picture
        self._size = picture.size if picture else (size or QSize())
        if not keep_view:
            self._rendered = None
            self._fitted = True
        self._fit_if_wanted()
        self._invalidate()

    def show_scene(self, scene: Scene | None) -> None:
        """Shows other annotations and forgets hover and selection."""
        self._scene = scene
        self._hovered = self._selected = -1
        self._invalidate()

    def set_look(self, look: Look) -> None:
        """Draws the annotations in another way or filters them."""
        self._look = look
        self._invalidate()

    def select(self, index: int, *, reveal: bool = False) -> None:
        """Highlights an annotation (or none, -1) without emitting; `reveal` moves it into sight."""
        if index != self._selected:
            self._selected = index
            self.update()
        if reveal and index >= 0:
            self._reveal(index)

    def hover(self, index: int) -> None:
        """Highlights what the pointer is on in a list, without emitting."""
        if index != self._hovered:
            self._hovered = index
            self.update()

    @property
    def scale(self) -> float:
        """Device-independent pixels per asset pixel."""
        return self._scale

    @property
    def selection(self) -> int:
        """Index of the selected annotation, or -1."""
        return self._selected

    @property
    def is_sharp(self) -> bool:
        """Whether what is seen belongs to the present view and filter."""
        return self._rendered is not None and not self._rendering and not self._soon.isActive() and not self._stale

    def to_asset(self, point: QPointF) -> QPointF:
        """Where a point of the widget lies on the asset."""
        return (point - self._origin) / self._scale

    # ---- zoom and pan ----

    def fit(self) -> None:
        """Shows the whole picture."""
        self._fitted = True
        self._fit_if_wanted()
        self._invalidate()

    def actual_size(self) -> None:
        """One asset pixel on one pixel of the screen."""
        self.zoom_to(1.0 / self.devicePixelRatioF(), QPointF(self.rect().center()))

    def zoom_to(self, scale: float, at: QPointF) -> None:
        """Zooms so that the asset's point under `at` stays where it is."""
        if self._size.isEmpty():
            return
        scale = min(max(scale, self._smallest()), LARGEST_SCALE)
        fixed = self.to_asset(at)
        self._scale = scale
        self._origin = at - fixed * scale
        self._fitted = False
        self._hold_in_sight()
        self.scale_changed.emit(self._scale)
        self._invalidate()

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zooms in (factor > 1) or out, at the middle unless a point is given."""
        self.zoom_to(self._scale * factor, QPointF(self.rect().center()) if at is None else at)

    def _pan(self, by: QPointF) -> None:
        self._origin += by
        self._fitted = False
        self._hold_in_sight()
        self.update()
        self._request()

    def _smallest(self) -> float:
        return min(self._fit_scale() / 4, 1.0)

    def _fit_scale(self) -> float:
        space = 12
        across = max(1, self.width() - 2 * space) / max(1, self._size.width())
        down = max(1, self.height() - 2 * space) / max(1, self._size.height())
        # A tiny picture is enlarged, but not into mosaic.
        return min(across, down, 8.0)

    def _fit_if_wanted(self) -> None:
        if not self._fitted or self._size.isEmpty():
            return
        self._scale = self._fit_scale()
        self._origin = QPointF(
            round((self.width() - self._size.width() * self._scale) / 2),
            round((self.height() - self._size.height() * self._scale) / 2),
        )
        self.scale_changed.emit(self._scale)

    def _hold_in_sight(self) -> None:
        """Keeps a part of the picture in the widget, wherever it is dragged."""
        rest = 40.0
        width, height = self._size.width() * self._scale, self._size.height() * self._scale
        self._origin.setX(min(max(self._origin.x(), rest - width), self.width() - rest))
        self._origin.setY(min(max(self._origin.y(), rest - height), self.height() - rest))

    def _reveal(self, index: int) -> None:
        item = self._scene.annotations.items[index] if self._scene else None
        if item is None or item.bounds is None:
            return
        left, top, right, bottom = item.bounds
        box = QRectF(left, top, right - left, bottom - top)
        seen = QRectF(self.to_asset(QPointF(0, 0)), self.to_asset(QPointF(self.width(), self.height())))
        if not seen.contains(box):
            self._origin = QPointF(self.rect().center()) - box.center() * self._scale
            self._fitted = False
            self._hold_in_sight()
            self._invalidate()

    # ---- drawing ----

    def _invalidate(self) -> None:
        self._request()
        self.update()

    def _request(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def _view(self) -> View:
        from desktop_app.ui.asset.render import View

        ratio = self.devicePixelRatioF()
        return View(
            scale=self._scale * ratio,
            x=(self._origin.x() + MARGIN) * ratio,
            y=(self._origin.y() + MARGIN) * ratio,
            width=round((self.width() + 2 * MARGIN) * ratio),
            height=round((self.height() + 2 * MARGIN) * ratio),
            ratio=ratio,
        )

    def _render(self) -> None:
        if self._rendering:
            self._stale = True
            return
        if self._size.isEmpty() or not self.isVisible():
            return
        from desktop_app.ui.asset.items import Annotations
        from desktop_app.ui.asset.render import Look, render
        from desktop_app.ui.asset.scene import Scene

        picture, view, look = self._picture, self._view(), self._look or Look()
        scene = self._scene or Scene.of(Annotations())
        font = ui_font()
        self._rendering = True
        self._background.run(
            lambda: render(picture, scene, view, look, font),
            lambda rendered: self._take(rendered, picture),
            self._could_not_render,
        )

    def _take(self, rendered: Rendered, picture: Picture | None) -> None:
        self._rendering = False
        if picture is self._picture:
            self._rendered = rendered
            self.update()
        if self._stale or picture is not self._picture:
            self._stale = False
            self._request()
        else:
            self.sharp.emit()

    def _could_not_render(self, _: Exception) -> None:
        self._rendering = False

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(tokens().canvas))
        if self._size.isEmpty():
            return
        shown = self._rendered
        ratio = self.devicePixelRatioF()
        if shown is None:
            self._paint_rough(painter)
        else:
            factor = self._scale * ratio / shown.view.scale
            target = QRectF(
                self._origin.x() - shown.view.x * factor / ratio,
                self._origin.y() - shown.view.y * factor / ratio,
                shown.view.width * factor / ratio,
                shown.view.height * factor / ratio,
            )
            if abs(factor - 1) > 1e-6 or not target.contains(QRectF(self.rect())):
                self._paint_rough(painter)
            # On whole device pixels, or the painter would blend instead of copy.
            if abs(factor - 1) < 1e-6:
                target.moveTo(round(target.x() * ratio) / ratio, round(target.y() * ratio) / ratio)
            if shown.base is not None:
                painter.drawImage(target, shown.base)
            if not self._held:
                painter.drawImage(target, shown.overlay)
        if not self._held:
            self._paint_highlights(painter)
        if self.hasFocus():
            painter.setPen(QPen(QColor(tokens().accent_text), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _paint_rough(self, painter: QPainter) -> None:
        if self._picture is None:
            painter.fillRect(QRectF(self._origin, self._size.toSizeF() * self._scale), QColor(tokens().surface))
            return
        from desktop_app.ui.asset.render import View, paint_picture

        view = View(self._scale, self._origin.x(), self._origin.y(), self.width(), self.height())
        paint_picture(painter, self._picture, view, smooth=False)

    def _paint_highlights(self, painter: QPainter) -> None:
        if self._scene is None:
            return
        from desktop_app.ui.asset.scene import path_of

        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        items = self._scene.annotations.items
        for index, width in ((self._hovered, 2.0), (self._selected, 3.0)):
            if not 0 <= index < len(items) or not items[index].zones:
                continue
            path = path_of(items[index], self._scale, self._origin.x(), self._origin.y())
            fill = QColor(items[index].colour)
            fill.setAlpha(60)
            painter.setPen(QPen(QColor("#000000"), width + 2))
            painter.setBrush(fill if items[index].closed else Qt.BrushStyle.NoBrush)
            painter.drawPath(path)
            painter.setPen(QPen(QColor("#ffffff"), width))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(path)

    # ---- events ----

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_if_wanted()
        self._invalidate()

    def showEvent(self, event: QEvent) -> None:
        self._fit_if_wanted()
        self._invalidate()

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta().y() or event.angleDelta().x()
        if turned:
            self.zoom_by(STEP ** (turned / 120), event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._drag = self._press = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drag is not None and self._press is not None:
            if self.cursor().shape() == Qt.CursorShape.ClosedHandCursor or (
                (event.position() - self._press).manhattanLength() > 4
            ):
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                self._pan(event.position() - self._drag)
                self._drag = event.position()
            return
        self._hover_at(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        dragged = self.cursor().shape() == Qt.CursorShape.ClosedHandCursor
        self._drag = self._press = None
        self.unsetCursor()
        if event.button() == Qt.MouseButton.LeftButton and not dragged:
            index = self._index_at(event.position())
            self.select(index)
            self.selected.emit(index)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        if self._hovered != -1:
            self.hover(-1)
            self.hovered.emit(-1)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._hover_at(event.position())

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.hold_off(False)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        pan = 40.0
        steps = {
            Qt.Key.Key_Left: QPointF(pan, 0),
            Qt.Key.Key_Right: QPointF(-pan, 0),
            Qt.Key.Key_Up: QPointF(0, pan),
            Qt.Key.Key_Down: QPointF(0, -pan),
        }
        key = event.key()
        if key == Qt.Key.Key_Space:
            self.hold_off(True)
        elif key == Qt.Key.Key_F:
            self.fit()
        elif key == Qt.Key.Key_1:
            self.actual_size()
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_by(STEP)
        elif key == Qt.Key.Key_Minus:
            self.zoom_by(1 / STEP)
        elif key == Qt.Key.Key_BracketRight:
            self.step(1)
        elif key == Qt.Key.Key_BracketLeft:
            self.step(-1)
        elif key == Qt.Key.Key_Escape and self._selected >= 0:
            self.select(-1)
            self.selected.emit(-1)
        elif key in steps:
            self._pan(steps[Qt.Key(key)])
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self.hold_off(False)
        else:
            super().keyReleaseEvent(event)

    def step(self, by: int) -> None:
        """Selects the next or previous visible annotation."""
        if self._scene is None:
            return
        from desktop_app.ui.asset.render import Look

        wanted = (self._look or Look()).filter
        shown = {item.index for item in self._scene.annotations.items if wanted.shows(item)}
        listed = [index for index in self.order() if index in shown]
        visible = listed if len(listed) == len(shown) else sorted(shown)
        if not visible:
            return
        if self._selected in visible:
            place = (visible.index(self._selected) + by) % len(visible)
        else:
            place = 0 if by > 0 else len(visible) - 1
        self.select(visible[place], reveal=True)
        self.selected.emit(visible[place])

    def hold_off(self, held: bool) -> None:
        """Shows the asset without its annotations while `held`."""
        if held != self._held:
            self._held = held
            self.held_off.emit(held)
            self.update()

    def _index_at(self, point: QPointF) -> int:
        if self._scene is None or self._size.isEmpty():
            return -1
        from desktop_app.ui.asset.render import Look

        at = self.to_asset(point)
        found = self._scene.at(at.x(), at.y(), REACH / self._scale, (self._look or Look()).filter)
        return -1 if found is None else found

    def _hover_at(self, point: QPointF) -> None:
        index = self._index_at(point)
        if index != self._hovered:
            self.hover(index)
            self.hovered.emit(index)
            item = self._scene.annotations.items[index] if self._scene and index >= 0 else None
            self.setToolTip("" if item is None or not item.text else item.text)

    def sizeHint(self) -> QSize:
        return QSize(720, 480)

    def position_of(self, index: int) -> QPoint:
        """The middle of an annotation in the widget, for tests and menus."""
        bounds = self._scene.annotations.items[index].bounds if self._scene else None
        if bounds is None:
            return self.rect().center()
        centre = QPointF((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
        return (centre * self._scale + self._origin).toPoint()
