"""Frames of a video through QtMultimedia, where the extra that brings it is installed."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, QUrl, Signal

from desktop_app.core.errors import AssetError
from desktop_app.ui.asset.extra import how_to_read_it
from desktop_app.ui.background import Background
from desktop_app.ui.formats import tr

if TYPE_CHECKING:
    from desktop_app.ui.asset.pictures import Picture

DEFAULT_RATE = 25.0
"""Frames a second where the file does not say."""

LIMIT_MS = 20_000


@cache
def why_not() -> AssetError | None:
    """Why videos cannot be shown, or None where they can."""
    try:
        import_module("PySide6.QtMultimedia")
    except ModuleNotFoundError:
        return AssetError(tr("Videos cannot be shown yet"), remedy=how_to_read_it())
    except ImportError as error:
        # It is there and needs a library of the system's, such as libpulse.
        remedy = tr("Install the system's library that is missing: {name}. The annotations are listed.")
        return AssetError(tr("Videos cannot be shown yet"), remedy=remedy.format(name=str(error).partition(":")[0]))
    return None


class Video(QObject):
    """One video, shown frame by frame.

    Signals:
        frame: (Picture, the frame that was asked for, from 0, number of frames).
        failed: an AssetError.
    """

    frame = Signal(object, int, int)
    failed = Signal(object)

    def __init__(self, path: Path, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        from PySide6.QtMultimedia import QMediaMetaData, QMediaPlayer, QVideoSink

        self._keys = QMediaMetaData.Key
        self._background = background
        self._rate = DEFAULT_RATE
        self._wanted = 0
        self._loaded = False
        self._open = True
        self._converting = False
        self._newest: Any = None
        self._sink = QVideoSink(self)
        self._sink.videoFrameChanged.connect(self._take)
        self._player = QMediaPlayer(self)
        self._player.setVideoSink(self._sink)
        self._player.errorOccurred.connect(self._fail)
        self._player.mediaStatusChanged.connect(self._status)
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(LIMIT_MS)
        self._late.timeout.connect(lambda: self._fail())
        self._late.start()
        self._player.setSource(QUrl.fromLocalFile(str(path)))

    @property
    def frames(self) -> int:
        """How many frames there are, as far as duration and rate tell."""
        return max(1, round(self._player.duration() / 1000 * self._rate))

    def turn(self, frame: int) -> None:
        """Shows another frame."""
        self._wanted = frame
        # The middle of a frame: at its edge rounding may give the one before.
        self._player.setPosition(round((frame + 0.5) * 1000 / self._rate))

    def close(self) -> None:
        """Lets go of the file."""
        self._open = False
        self._late.stop()
        self._player.stop()
        self._player.setSource(QUrl())
        self.deleteLater()

    def _status(self, status: Any) -> None:
        from PySide6.QtMultimedia import QMediaPlayer

        if status == QMediaPlayer.MediaStatus.LoadedMedia and not self._loaded:
            self._loaded = True
            rate = self._player.metaData().value(self._keys.VideoFrameRate)
            if isinstance(rate, (int, float)) and 0.1 < rate < 1000:
                self._rate = float(rate)
            # A paused player delivers the frame at its position.
            self._player.pause()
            self.turn(0)
        elif status == QMediaPlayer.MediaStatus.InvalidMedia:
            self._fail()

    def _take(self, frame: Any) -> None:
        if not self._open or not frame.isValid():
            return
        self._late.stop()
        if self._converting:
            self._newest = frame
            return
        self._converting = True
        self._background.run(lambda: _picture(frame), self._show, self._not_converted)

    def _show(self, picture: Picture) -> None:
        self._converting = False
        if self._open:
            self.frame.emit(picture, self._wanted, self.frames)
            newest, self._newest = self._newest, None
            if newest is not None:
                self._take(newest)

    def _not_converted(self, _: Exception) -> None:
        self._converting = False
        self._fail()

    def _fail(self, *_: Any) -> None:
        if self._open:
            self._late.stop()
            self.failed.emit(
                AssetError(tr("The video cannot be read"), remedy=tr("Its annotations are listed all the same."))
            )


def _picture(frame: Any) -> Picture:
    # With the first frame and not before: it brings numpy.
    from desktop_app.ui.asset.pictures import with_levels

    image = frame.toImage()
    if image.isNull():
        raise AssetError(tr("The frame cannot be read"))
    return with_levels(image)
