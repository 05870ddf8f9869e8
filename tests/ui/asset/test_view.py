from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, QSize, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from desktop_app.ui.asset.items import annotations_of
from desktop_app.ui.asset.look import Filter, Look
from desktop_app.ui.asset.pictures import read_picture
from desktop_app.ui.asset.scene import Scene
from desktop_app.ui.asset.view import AssetView
from desktop_app.ui.background import Background


@pytest.fixture
def view(qtbot: Any, tools: Any, tmp_path: Path) -> Any:
    background = Background()
    view = AssetView(background)
    qtbot.addWidget(view)
    view.resize(600, 500)
    view.show_picture(read_picture(tools.picture(tmp_path / "a.png")))
    view.show_scene(Scene.of(annotations_of(tools.detail())))
    view.show()
    qtbot.waitUntil(lambda: view.is_sharp)
    yield view
    background.close()


def _wheel(view: AssetView, at: QPointF, turned: int) -> None:
    event = QWheelEvent(
        at,
        view.mapToGlobal(at),
        QPoint(),
        QPoint(0, turned),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


def test_it_fits_and_shows_the_picture(view: Any) -> None:
    left_top = view.to_asset(QPointF(0, 0))
    assert left_top.x() < 0 or left_top.y() < 0
    image = view.grab().toImage()
    assert image.pixelColor(300, 250) != image.pixelColor(2, 2)


def test_the_wheel_zooms_at_the_pointer(view: Any) -> None:
    at = QPointF(200, 150)
    before, scale = view.to_asset(at), view.scale
    _wheel(view, at, 120)
    after = view.to_asset(at)
    assert view.scale == pytest.approx(scale * 1.25)
    assert (after - before).manhattanLength() < 1e-6
    _wheel(view, at, -240)
    assert view.scale < scale
    assert (view.to_asset(at) - before).manhattanLength() < 1e-6


def test_dragging_pans_and_does_not_select(view: Any, qtbot: Any) -> None:
    chosen: list[int] = []
    view.selected.connect(chosen.append)
    before = view.to_asset(QPointF(0, 0))
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(300, 250))
    qtbot.mouseMove(view, QPoint(330, 260))
    qtbot.mouseMove(view, QPoint(360, 280))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(360, 280))
    moved = (before - view.to_asset(QPointF(0, 0))) * view.scale
    assert moved.x() == pytest.approx(60, abs=1)
    assert moved.y() == pytest.approx(30, abs=1)
    assert chosen == []


def test_the_picture_cannot_be_lost(view: Any) -> None:
    for _ in range(200):
        view.keyPressEvent(_key(Qt.Key.Key_Left))
    seen = view.to_asset(QPointF(view.width(), 0)).x()
    assert seen > 0


def _key(key: Qt.Key) -> Any:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QKeyEvent

    return QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier)


def test_keys(view: Any, qtbot: Any) -> None:
    fitted = view.scale
    qtbot.keyClick(view, Qt.Key.Key_1)
    assert view.scale == pytest.approx(1 / view.devicePixelRatioF())
    qtbot.keyClick(view, Qt.Key.Key_F)
    assert view.scale == pytest.approx(fitted)
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.scale > fitted
    chosen: list[int] = []
    view.selected.connect(chosen.append)
    for key in (Qt.Key.Key_BracketRight, Qt.Key.Key_BracketRight, Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketLeft):
        qtbot.keyClick(view, key)
    assert chosen == [0, 1, 0, 6]
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert chosen[-1] == -1


def test_stepping_leaves_out_what_is_hidden(view: Any, qtbot: Any) -> None:
    view.set_look(Look(Filter(hidden=frozenset({"bolt"}))))
    view.step(1)
    assert view.selection == 2


def test_space_holds_the_overlay_off(view: Any, qtbot: Any) -> None:
    with_overlay = view.grab().toImage()
    held: list[bool] = []
    view.held_off.connect(held.append)
    view.setFocus()
    qtbot.keyPress(view, Qt.Key.Key_Space)
    without = view.grab().toImage()
    qtbot.keyRelease(view, Qt.Key.Key_Space)
    assert held == [True, False]
    assert with_overlay != without


def test_hover_and_click(view: Any, qtbot: Any) -> None:
    hovered: list[int] = []
    chosen: list[int] = []
    view.hovered.connect(hovered.append)
    view.selected.connect(chosen.append)
    qtbot.mouseMove(view, view.position_of(3))
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.position_of(3))
    assert chosen == [3]
    assert hovered[-1] == 3
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    assert chosen == [3, -1]


def test_selecting_from_elsewhere_reveals(view: Any) -> None:
    view.zoom_to(20, QPointF(0, 0))
    view.select(6, reveal=True)
    assert view.rect().contains(view.position_of(6))


def test_without_a_picture_annotations_lie_on_an_empty_sheet(qtbot: Any, tools: Any) -> None:
    background = Background()
    view = AssetView(background)
    qtbot.addWidget(view)
    view.resize(400, 300)
    view.show_picture(None, QSize(400, 350))
    view.show_scene(Scene.of(annotations_of(tools.detail())))
    view.show()
    qtbot.waitUntil(lambda: view.is_sharp)
    assert view.grab().toImage().pixelColor(200, 20) is not None
    background.close()
