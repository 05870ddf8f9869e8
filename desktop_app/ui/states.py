"""States in words, colours and shapes: never colour alone."""

from __future__ import annotations

import time

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

from desktop_app.core.events import ProfileState, ProfileStatus
from desktop_app.core.job import JobRecord, JobState
from desktop_app.ui.formats import tr
from desktop_app.ui.theme import tokens

_PROFILE_TONE = {
    ProfileState.STOPPED: "idle",
    ProfileState.LOADING: "busy",
    ProfileState.CONNECTING: "busy",
    ProfileState.ONLINE: "ok",
    ProfileState.BUSY: "busy",
    ProfileState.RECONNECTING: "warn",
    ProfileState.NO_SECRET: "error",
    ProfileState.LOGIN_REFUSED: "error",
    ProfileState.MODEL_FAILED: "error",
    ProfileState.CRASHED: "error",
}

_PROFILE_SHAPE = {
    ProfileState.STOPPED: "ring",
    ProfileState.LOADING: "half",
    ProfileState.CONNECTING: "half",
    ProfileState.ONLINE: "disc",
    ProfileState.BUSY: "target",
    ProfileState.RECONNECTING: "triangle",
    ProfileState.NO_SECRET: "cross",
    ProfileState.LOGIN_REFUSED: "cross",
    ProfileState.MODEL_FAILED: "cross",
    ProfileState.CRASHED: "cross",
}

_JOB_TONE = {JobState.DELIVERED: "ok", JobState.FAILED: "error", JobState.CANCELLED: "idle", JobState.QUEUED: "idle"}
_JOB_SHAPE = {JobState.DELIVERED: "disc", JobState.FAILED: "cross", JobState.CANCELLED: "ring", JobState.QUEUED: "ring"}

STANDING = frozenset(
    {ProfileState.NO_SECRET, ProfileState.LOGIN_REFUSED, ProfileState.MODEL_FAILED, ProfileState.CRASHED}
)
"""States that do not pass by themselves: a person has to do something."""

WORST_FIRST = (
    ProfileState.NO_SECRET,
    ProfileState.LOGIN_REFUSED,
    ProfileState.MODEL_FAILED,
    ProfileState.CRASHED,
    ProfileState.RECONNECTING,
    ProfileState.LOADING,
    ProfileState.CONNECTING,
    ProfileState.BUSY,
    ProfileState.ONLINE,
    ProfileState.STOPPED,
)


def profile_words(status: ProfileStatus, now: float | None = None) -> str:
    """A profile's state as the list says it: `busy 2`, `reconnecting in 8 s`, `crashed 3 times`."""
    match status.state:
        case ProfileState.STOPPED:
            return tr("stopped")
        case ProfileState.LOADING:
            return tr("loading model")
        case ProfileState.CONNECTING:
            return tr("connecting")
        case ProfileState.ONLINE:
            return tr("online")
        case ProfileState.BUSY:
            return tr("busy {count}").format(count=max(1, status.running + status.queued))
        case ProfileState.RECONNECTING:
            left = 0.0 if status.retry_at is None else status.retry_at - (time.time() if now is None else now)
            return tr("reconnecting in {seconds} s").format(seconds=round(left)) if left > 0.5 else tr("reconnecting")
        case ProfileState.NO_SECRET:
            return tr("secret missing")
        case ProfileState.LOGIN_REFUSED:
            return tr("login refused")
        case ProfileState.MODEL_FAILED:
            return tr("model failed")
        case ProfileState.CRASHED:
            if status.crashes == 1:
                return tr("crashed once")
            return tr("crashed {count} times").format(count=status.crashes) if status.crashes else tr("crashed")


def profile_tone(state: ProfileState) -> str:
    """Name of the token that colours a profile's state."""
    return _PROFILE_TONE[state]


def profile_shape(state: ProfileState) -> str:
    """Name of the shape beside a profile's state."""
    return _PROFILE_SHAPE[state]


def doing_words(record: JobRecord) -> str:
    """A job's state, or how far its script says it is: `3 of 10`."""
    if record.progress is not None:
        done, steps = record.progress
        return tr("{done} of {steps}").format(done=done, steps=steps)
    return job_words(record.state)


def job_words(state: JobState) -> str:
    """A job's state as people read it."""
    match state:
        case JobState.QUEUED:
            return tr("waiting")
        case JobState.FETCHING:
            return tr("fetching")
        case JobState.RUNNING:
            return tr("running")
        case JobState.BUILDING:
            return tr("checking")
        case JobState.DELIVERING:
            return tr("delivering")
        case JobState.DELIVERED:
            return tr("delivered")
        case JobState.FAILED:
            return tr("failed")
        case JobState.CANCELLED:
            return tr("cancelled")


def job_tone(state: JobState) -> str:
    """Name of the token that colours a job's state."""
    return _JOB_TONE.get(state, "busy")


def job_shape(state: JobState) -> str:
    """Name of the shape beside a job's state."""
    return _JOB_SHAPE.get(state, "half")


def draw_shape(painter: QPainter, shape: str, colour: QColor, box: QRectF) -> None:
    """Draws a state's shape into a square box."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    width = box.width() / 6
    pen = QPen(colour, width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    inner = box.adjusted(width / 2, width / 2, -width / 2, -width / 2)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    match shape:
        case "disc":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QBrush(colour))
            painter.drawEllipse(box)
        case "target":
            painter.drawEllipse(inner)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QBrush(colour))
            third = box.width() / 3.4
            painter.drawEllipse(box.adjusted(third, third, -third, -third))
        case "half":
            painter.drawEllipse(inner)
            pie = QPainterPath(box.center())
            pie.arcTo(inner, 90, -180)
            painter.fillPath(pie, QBrush(colour))
        case "triangle":
            painter.setPen(
                QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
            )
            painter.setBrush(QBrush(colour))
            painter.drawPolygon(
                QPolygonF([QPointF(inner.center().x(), inner.top()), inner.bottomRight(), inner.bottomLeft()])
            )
        case "cross":
            pen.setWidthF(width * 1.3)
            painter.setPen(pen)
            painter.drawLine(inner.topLeft(), inner.bottomRight())
            painter.drawLine(inner.topRight(), inner.bottomLeft())
        case _:
            painter.drawEllipse(inner)
    painter.restore()


def shape_pixmap(shape: str, tone: str, size: int = 12, ratio: float = 2.0) -> QPixmap:
    """A state's shape as a picture for tables and labels."""
    picture = QPixmap(round(size * ratio), round(size * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    draw_shape(painter, shape, QColor(getattr(tokens(), tone)), QRectF(1, 1, size - 2, size - 2))
    painter.end()
    return picture
