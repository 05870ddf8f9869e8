"""The line above the asset: its name, what is drawn and how, and the zoom."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QSlider, QToolButton, QWidget, QWidgetAction

from desktop_app.ui.asset.items import Annotations, Layer
from desktop_app.ui.asset.view import STEP, AssetView
from desktop_app.ui.formats import tr
from desktop_app.ui.icons import set_icon
from desktop_app.ui.menus import open_with
from desktop_app.ui.tokens import SPACE
from desktop_app.ui.widgets import ElidedLabel, label, tool_button

OPACITY = 20
"""Of fills, in percent."""


class AssetBar(QFrame):
    """The bar.

    Signals:
        looked: something about how annotations are drawn has changed.
        details: whether the job's details are to be shown beside the asset.
    """

    looked = Signal()
    details = Signal(bool)

    def __init__(self, view: AssetView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panelHeader")
        self.setFixedHeight(36)
        self._layers = frozenset({Layer.SENT})
        self.title = ElidedLabel()
        self.layer_actions: dict[Layer, QAction] = {}
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.layer_button = self._make_layers()
        self.fill_button = tool_button("fill", tr("Fill shapes"), checkable=True)
        self.label_button = tool_button("tag", tr("Show labels"), checkable=True)
        for button in (self.fill_button, self.label_button):
            button.setChecked(True)
            button.toggled.connect(lambda: self.looked.emit())
        self.scale_label = label("", "muted")
        self.scale_label.setMinimumWidth(48)
        self.scale_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.details_button = tool_button("panel", tr("Show the job's details"), checkable=True)
        self.details_button.setChecked(True)
        self.details_button.toggled.connect(self.details)
        self._for_pictures = (
            self.fill_button,
            self.label_button,
            self.scale_label,
            tool_button("zoom-out", tr("Zoom out"), lambda: view.zoom_by(1 / STEP), shortcut="-"),
            tool_button("zoom-in", tr("Zoom in"), lambda: view.zoom_by(STEP), shortcut="+"),
            tool_button("fit", tr("Fit"), view.fit, shortcut="F"),
            tool_button("actual", tr("Actual size"), view.actual_size, shortcut="1"),
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE + 4, 0, SPACE, 0)
        row.setSpacing(SPACE // 2)
        row.addWidget(self.title, 1)
        for widget in (self.layer_button, *self._for_pictures, self.details_button):
            row.addWidget(widget)

    def _make_layers(self) -> QToolButton:
        button = QToolButton()
        set_icon(button, "layers")
        button.setIconSize(QSize(18, 18))
        button.setText(tr("Layers"))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setAccessibleName(tr("Layers"))
        button.setToolTip(tr("Choose what is drawn"))
        menu = QMenu(button)
        for layer in Layer:
            entry = menu.addAction("")
            entry.setCheckable(True)
            entry.setChecked(layer in self._layers)
            entry.toggled.connect(partial(self._toggle, layer))
            self.layer_actions[layer] = entry
        self.show_counts(Annotations())
        menu.addSeparator()
        menu.addAction(self._make_opacity(menu))
        open_with(button, menu)
        return button

    def _make_opacity(self, menu: QMenu) -> QWidgetAction:
        self.opacity.setRange(0, 100)
        self.opacity.setValue(OPACITY)
        self.opacity.setMinimumWidth(120)
        self.opacity.setAccessibleName(tr("Opacity of fills"))
        self.opacity.valueChanged.connect(lambda: self.looked.emit())
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(SPACE + 4, SPACE // 2, SPACE + 4, SPACE // 2)
        row.addWidget(label(tr("Opacity"), "muted"))
        row.addWidget(self.opacity, 1)
        result = QWidgetAction(menu)
        result.setDefaultWidget(holder)
        return result

    @property
    def layers(self) -> frozenset[Layer]:
        """The layers that are drawn."""
        return self._layers

    def show_counts(self, annotations: Annotations) -> None:
        """Says how many annotations each layer has."""
        names = {
            Layer.SENT: tr("Sent answer"),
            Layer.PREDICTIONS: tr("Raw predictions (dashed)"),
            Layer.EXISTING: tr("Existing annotations (dotted)"),
        }
        for layer, entry in self.layer_actions.items():
            number = sum(one.layer is layer for one in annotations.items)
            number += sum(one.layer is layer for one in annotations.chips)
            entry.setText(f"{names[layer]}  {number}" if layer in annotations.layers else names[layer])

    def show_scale(self, scale: float) -> None:
        """Says how large the asset is seen: 100 % is one of its pixels on one of the screen's."""
        words = f"{scale * self.devicePixelRatioF() * 100:.0f} %"
        self.scale_label.setText(words)
        self.scale_label.setAccessibleName(f"{tr('Zoom')} {words}")

    def suit(self, *, narrow: bool, picture: bool) -> None:
        """Leaves out what has no room, and what means nothing for this asset."""
        style = Qt.ToolButtonStyle
        self.layer_button.setToolButtonStyle(style.ToolButtonIconOnly if narrow else style.ToolButtonTextBesideIcon)
        for widget in self._for_pictures:
            widget.setVisible(picture)

    def _toggle(self, layer: Layer, shown: bool) -> None:
        self._layers = self._layers | {layer} if shown else self._layers - {layer}
        self.looked.emit()
