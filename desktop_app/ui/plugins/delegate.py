"""How a profile looks in the list: shape, name, state in words, figures, and a bar per recent job."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from desktop_app.core.job import JobState
from desktop_app.ui.plugins.model import BARS, ROW_ROLE, PluginRow
from desktop_app.ui.states import draw_shape, profile_shape, profile_tone
from desktop_app.ui.theme import roomy, scaled_font, tokens
from desktop_app.ui.tokens import SPACE

BAR = 4
FEWEST = 5


class PluginDelegate(QStyledItemDelegate):
    """Paints a PluginRow."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        line = QFontMetrics(scaled_font(1.0)).height()
        return QSize(200, 3 * line + roomy(2 * SPACE + 4, SPACE + 4))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row = index.data(ROW_ROLE)
        if not isinstance(row, PluginRow):
            return
        t = tokens()
        rect: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = None
        if state & QStyle.StateFlag.State_Selected:
            ground = t.selected
        elif state & QStyle.StateFlag.State_MouseOver:
            ground = t.hover
        card = QRectF(rect.adjusted(6, 2, -6, -2))
        if ground:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(ground))
            painter.drawRoundedRect(card, 6, 6)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QColor(t.accent_text))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(card.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        bold, normal, small = scaled_font(1.0, bold=True), scaled_font(0.95), scaled_font(0.9)
        line = QFontMetrics(scaled_font(1.0)).height()
        left, top, right = rect.left() + 16, rect.top() + roomy(SPACE + 2, SPACE // 2 + 2), rect.right() - 16
        tone = QColor(getattr(t, profile_tone(row.status.state)))
        draw_shape(painter, profile_shape(row.status.state), tone, QRectF(left, top + (line - 11) / 2, 11, 11))
        text_left = left + 20
        words = row.words
        bars = self._room_for_bars(right - text_left, (words, normal), (row.short_figures, small))
        gap = SPACE if bars else 0
        painter.setFont(bold)
        painter.setPen(QColor(t.text))
        self._line(painter, row.profile.name, text_left, top, right - text_left, line)
        painter.setFont(normal)
        painter.setPen(tone)
        self._line(painter, words, text_left, top + line, right - text_left - bars - gap, line)
        painter.setFont(small)
        painter.setPen(QColor(t.muted))
        self._line(painter, row.short_figures, text_left, top + 2 * line, right - text_left - bars - gap, line)
        self._bars(painter, row, QRectF(right - bars, top + line + 2, bars, 2 * line - 4))
        painter.restore()

    def _room_for_bars(self, width: int, *lines: tuple[str, QFont]) -> int:
        """What the words leave, in whole bars; none at all rather than a few."""
        # Half a step more than the gap: what is measured here and what is painted differ by fractions.
        needed = max(QFontMetrics(font).horizontalAdvance(text) for text, font in lines) + SPACE + SPACE // 2
        bars = min(BARS, (width - needed) // BAR)
        return bars * BAR if bars >= FEWEST else 0

    def _line(self, painter: QPainter, text: str, left: int, top: int, width: int, height: int) -> None:
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, width)
        painter.drawText(QRect(left, top, width, height), Qt.AlignmentFlag.AlignVCenter, shown)

    def _bars(self, painter: QPainter, row: PluginRow, box: QRectF) -> None:
        room = int(box.width() // BAR)
        if not row.bars or not room:
            return
        t = tokens()
        shown = list(row.bars)[-room:]
        tallest = max((ms for ms, _ in shown), default=0.0) or 1.0
        painter.setPen(Qt.PenStyle.NoPen)
        for place, (ms, ended) in enumerate(shown):
            x = box.right() - (len(shown) - place) * BAR
            if ended is JobState.FAILED:
                # A failure is told by form as well: full height, with a gap at the foot.
                painter.setBrush(QColor(t.error))
                painter.drawRect(QRectF(x, box.top(), 3, box.height() - 5))
                painter.drawRect(QRectF(x, box.bottom() - 3, 3, 3))
            else:
                height = max(3.0, box.height() * ms / tallest)
                painter.setBrush(QColor(t.border_strong))
                painter.drawRect(QRectF(x, box.bottom() - height, 3, height))
