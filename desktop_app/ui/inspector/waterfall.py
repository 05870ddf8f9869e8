"""The steps of a job as bars on one time line."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.core.job import StepTimings
from desktop_app.ui.formats import duration
from desktop_app.ui.theme import notifier, scaled_font, tokens

ROW = 20
ROUNDING_MS = 0.5
STEPS = ("queue", "fetch", "run", "build", "deliver")


class Waterfall(QWidget):
    """Steps in the order in which they begin; their lengths are to scale, never shorter than can be seen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._timings = StepTimings()
        self._side_by_side = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        notifier().changed.connect(self.update)
        self._names = {
            "queue": self.tr("wait"),
            "fetch": self.tr("fetch"),
            "run": self.tr("run"),
            "build": self.tr("check"),
            "deliver": self.tr("deliver"),
        }

    def show_timings(self, timings: StepTimings) -> None:
        """Shows other timings.

        A script fetches for itself; its asset is fetched for the screen beside its run. Then the steps last longer
        together than the job did, and fetch and run are drawn from the same start.
        """
        rows = len(self._steps())
        self._timings = timings
        steps = sum(ms for _, ms in self._steps())
        self._side_by_side = timings.total is not None and timings.total < steps - ROUNDING_MS
        words = [f"{self._names[name]} {duration(ms)}" for name, ms in self._steps()]
        self.setAccessibleName(self.tr("Steps: {steps}").format(steps=", ".join(words) or "–"))
        self.setToolTip("\n".join(words))
        if rows != len(self._steps()):
            self.updateGeometry()
        self.update()

    def _steps(self) -> list[tuple[str, float]]:
        return [(name, ms) for name in STEPS if (ms := getattr(self._timings, name)) is not None]

    def sizeHint(self) -> QSize:
        return QSize(200, ROW * max(1, len(self._steps())))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, ROW * max(1, len(self._steps())))

    def paintEvent(self, event: QPaintEvent) -> None:
        t = tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(scaled_font(0.9))
        steps = self._steps()
        if not steps:
            painter.setPen(QColor(t.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, self.tr("No steps yet"))
            return
        named = painter.fontMetrics()
        names = max(56, 8 + max(named.horizontalAdvance(name) for name in self._names.values()))
        figures = 62
        across = max(20, self.width() - names - figures - 8)
        spans = self._spans(steps)
        whole = max((end for _, end in spans), default=0.0) or 1.0
        longest = max(ms for _, ms in steps)
        for place, ((name, ms), (start, end)) in enumerate(zip(steps, spans, strict=True)):
            top = place * ROW
            painter.setPen(QColor(t.muted))
            painter.drawText(QRectF(0, top, names, ROW), Qt.AlignmentFlag.AlignVCenter, self._names[name])
            width = max(2.0, across * (end - start) / whole)
            left = min(names + across * start / whole, names + across - width)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(t.border))
            painter.drawRoundedRect(QRectF(names, top + ROW / 2 - 1, across, 2), 1, 1)
            painter.setBrush(QColor(t.accent_text if ms == longest else t.border_strong))
            painter.drawRoundedRect(QRectF(left, top + 5, width, ROW - 10), 2, 2)
            painter.setPen(QColor(t.text))
            painter.drawText(
                QRectF(self.width() - figures, top, figures, ROW),
                Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight,
                duration(ms),
            )

    def _spans(self, steps: list[tuple[str, float]]) -> list[tuple[float, float]]:
        spans = []
        at = 0.0
        for name, ms in steps:
            spans.append((at, at + ms))
            if not (self._side_by_side and name == "fetch"):
                at += ms
        return spans
