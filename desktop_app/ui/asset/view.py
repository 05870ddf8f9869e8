"""The picture with its annotations: zoom at the pointer, pan, hover, select.

Both the sharp picture and the overlay come from a thread as images a little larger than the widget. A frame while
panning only shifts them; while zooming it stretches them until sharp ones arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
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

from desktop_app.ui.asset.camera import Camera
from desktop_app.ui.asset.look import Filter, Look
from desktop_app.ui.asset.sharpening import Sharpening
from desktop_app.ui.background import Background
from desktop_app.ui.formats import tip, tr
from desktop_app.ui.theme import notifier, tokens

if TYPE_CHECKING:
    from desktop_app.ui.asset.pictures import Picture
    from desktop_app.ui.asset.scene import Scene

STEP = 1.25
REACH = 4.0
PAN = 40.0


class AssetView(QWidget):
    """Shows a picture and a scene.

    Signals:
        hovered: index of the annotation under the pointer, or -1.
        selected: index of the annotation that was clicked or stepped to, or -1.
        scale_changed: device-independent pixels per asset pixel.
        held_off: True while Space keeps the overlay away.
        turned: by how many pages the person wants to go on.
        sharp: what is seen belongs to the present view and filter.
    """

    hovered = Signal(int)
    selected = Signal(int)
    scale_changed = Signal(float)
    held_off = Signal(bool)
    turned = Signal(int)
    sharp = Signal()

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Asset with annotations"))
        self.order: Callable[[], Sequence[int]] = tuple
        """Says in which order `step` goes; the drawing order where it leaves one out."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 160)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._camera = Camera()
        self._picture: Picture | None = None
        self._scene: Scene | None = None
        self._masks: tuple[Picture, ...] = ()
        self._look: Look | None = None
        self._images = Sharpening(self, background)
        self._images.sharp.connect(self.sharp)
        self._hovered = -1
        self._selected = -1
        self._held = False
        self._drag: QPointF | None = None
        self._press: QPointF | None = None
        notifier().changed.connect(self.update)

    # ---- what is shown ----

    def show_picture(self, picture: Picture | None, size: QSize | None = None, *, keep_view: bool = False) -> None:
        """Shows another picture; `size` serves where there is none but annotations still have a place."""
        self._picture = picture
        size = picture.size if picture else (size or QSize())
        keep_view = keep_view and size == self._camera.size
        self._camera.size = size
        if not keep_view:
            self._images.forget()
            self._camera.fitted = True
        self._fit_if_wanted()
        self._invalidate()

    def show_scene(self, scene: Scene | None) -> None:
        """Shows other annotations and forgets hover and selection."""
        self._scene = scene
        self._hovered = self._selected = -1
        self._invalidate()

    def show_masks(self, masks: tuple[Picture, ...]) -> None:
        """Shows brush masks over the picture."""
        if masks != self._masks:
            self._masks = masks
            self._invalidate()

    def set_look(self, look: Look) -> None:
        """Draws the annotations in another way or filters them."""
        if look != self._look:
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
        return self._camera.scale

    @property
    def selection(self) -> int:
        """Index of the selected annotation, or -1."""
        return self._selected

    @property
    def is_sharp(self) -> bool:
        """Whether what is seen belongs to the present view and filter."""
        return self._images.is_sharp

    def to_asset(self, point: QPointF) -> QPointF:
        """Where a point of the widget lies on the asset."""
        return self._camera.to_asset(point)

    # ---- zoom and pan ----

    def fit(self) -> None:
        """Shows the whole picture."""
        self._camera.fitted = True
        self._fit_if_wanted()
        self._invalidate()

    def actual_size(self) -> None:
        """One asset pixel on one pixel of the screen."""
        self.zoom_to(1.0 / self.devicePixelRatioF(), QPointF(self.rect().center()))

    def zoom_to(self, scale: float, at: QPointF) -> None:
        """Zooms so that the asset's point under `at` stays where it is."""
        if self._camera.size.isEmpty():
            return
        self._camera.zoom_to(scale, at)
        self.scale_changed.emit(self.scale)
        self._invalidate()

    def zoom_by(self, factor: float, at: QPointF | None = None) -> None:
        """Zooms in (factor > 1) or out, at the middle unless a point is given."""
        self.zoom_to(self.scale * factor, QPointF(self.rect().center()) if at is None else at)

    def _pan(self, by: QPointF) -> None:
        self._camera.pan(by)
        self._invalidate()

    def _fit_if_wanted(self) -> None:
        if self._camera.fitted and not self._camera.size.isEmpty():
            self._camera.view = self.size()
            self._camera.fit()
            self.scale_changed.emit(self.scale)

    def _reveal(self, index: int) -> None:
        item = self._scene.annotations.items[index] if self._scene else None
        if item is not None and item.bounds is not None:
            left, top, right, bottom = item.bounds
            if self._camera.centre_on(QRectF(left, top, right - left, bottom - top)):
                self._invalidate()

    # ---- drawing ----

    def _invalidate(self) -> None:
        self._images.want(self._camera, self._picture, self._scene, self._masks, self._look)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor(tokens().canvas))
        if self._camera.size.isEmpty():
            return
        self._images.paint(painter, self._camera, self._picture, overlay=not self._held)
        if not self._held:
            self._paint_highlights(painter)
        if self.hasFocus():
            painter.setPen(QPen(QColor(tokens().accent_text), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _paint_highlights(self, painter: QPainter) -> None:
        if self._scene is None or max(self._hovered, self._selected) < 0:
            return
        from desktop_app.ui.asset.highlights import HOVERED, SELECTED, draw_highlight

        items, camera = self._scene.annotations.items, self._camera
        for index, width in ((self._hovered, HOVERED), (self._selected, SELECTED)):
            if 0 <= index < len(items) and items[index].zones:
                draw_highlight(painter, items[index], camera.scale, camera.origin, QRectF(self.rect()), width)

    # ---- events ----

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._camera.view = self.size()
        self._fit_if_wanted()
        self._invalidate()

    def showEvent(self, event: QEvent) -> None:
        self._camera.view = self.size()
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
        pans = {
            Qt.Key.Key_Left: QPointF(PAN, 0),
            Qt.Key.Key_Right: QPointF(-PAN, 0),
            Qt.Key.Key_Up: QPointF(0, PAN),
            Qt.Key.Key_Down: QPointF(0, -PAN),
        }
        actions: dict[int, Callable[[], None]] = {
            Qt.Key.Key_F: self.fit,
            Qt.Key.Key_1: self.actual_size,
            Qt.Key.Key_Plus: lambda: self.zoom_by(STEP),
            Qt.Key.Key_Equal: lambda: self.zoom_by(STEP),
            Qt.Key.Key_Minus: lambda: self.zoom_by(1 / STEP),
            Qt.Key.Key_BracketRight: lambda: self.step(1),
            Qt.Key.Key_BracketLeft: lambda: self.step(-1),
            Qt.Key.Key_PageDown: lambda: self.turned.emit(1),
            Qt.Key.Key_PageUp: lambda: self.turned.emit(-1),
        }
        key = event.key()
        if key == Qt.Key.Key_Space:
            self.hold_off(True)
        elif key in actions:
            actions[key]()
        elif key in pans:
            self._pan(pans[Qt.Key(key)])
        elif key == Qt.Key.Key_Escape and self._selected >= 0:
            self.select(-1)
            self.selected.emit(-1)
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
        wanted = replace(self._filter(), page=None)
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
        if self._scene is None or self._camera.size.isEmpty():
            return -1
        at = self.to_asset(point)
        found = self._scene.at(at.x(), at.y(), REACH / self.scale, self._filter())
        return -1 if found is None else found

    def _filter(self) -> Filter:
        return (self._look or Look()).filter

    def _hover_at(self, point: QPointF) -> None:
        index = self._index_at(point)
        if index != self._hovered:
            self.hover(index)
            self.hovered.emit(index)
            item = self._scene.annotations.items[index] if self._scene and index >= 0 else None
            self.setToolTip("" if item is None or not item.text else tip(item.text))

    def sizeHint(self) -> QSize:
        return QSize(720, 480)

    def position_of(self, index: int) -> QPoint:
        """The middle of an annotation in the widget, for tests and menus."""
        bounds = self._scene.annotations.items[index].bounds if self._scene else None
        if bounds is None:
            return self.rect().center()
        centre = QPointF((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
        return (centre * self.scale + self._camera.origin).toPoint()
