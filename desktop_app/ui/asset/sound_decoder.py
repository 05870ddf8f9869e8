"""Sound other than plain WAV, through QtMultimedia where the extra that brings it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, QUrl, Signal

from desktop_app.core.errors import AssetError
from desktop_app.ui.asset.waveform import LONGEST_S, STRETCHES, Gatherer
from desktop_app.ui.formats import tr

RATE = 8000
"""Values a second that are looked at: enough for an outline."""

LIMIT_MS = 20_000
"""How long the decoder may be silent."""


class SoundDecoder(QObject):
    """Decodes one sound; QtMultimedia does it in a thread of its own.

    Signals:
        decoded: a Waveform.
        failed: an AssetError.
    """

    decoded = Signal(object)
    failed = Signal(object)

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        from PySide6.QtMultimedia import QAudioDecoder, QAudioFormat

        wanted = QAudioFormat()
        wanted.setChannelCount(1)
        wanted.setSampleRate(RATE)
        wanted.setSampleFormat(QAudioFormat.SampleFormat.Int16)
        self._gatherer: Gatherer | None = None
        self._values = 0
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(LIMIT_MS)
        self._late.timeout.connect(lambda: self._fail())
        self._decoder = QAudioDecoder(self)
        self._decoder.setAudioFormat(wanted)
        self._decoder.bufferReady.connect(self._take)
        self._decoder.finished.connect(self._finish)
        self._decoder.error.connect(self._fail)
        self._decoder.setSource(QUrl.fromLocalFile(str(path)))
        self._late.start()
        self._decoder.start()

    def close(self) -> None:
        """Lets go of the file; nothing is emitted any more."""
        self.blockSignals(True)
        self._late.stop()
        self._decoder.stop()
        self.deleteLater()

    def _take(self) -> None:
        self._late.start()
        while self._decoder.bufferAvailable():
            buffer: Any = self._decoder.read()
            if self._gatherer is None:
                known = max(self._decoder.duration(), 1000) / 1000 * RATE
                self._gatherer = Gatherer(max(1, int(known / STRETCHES)))
            values = np.frombuffer(bytes(buffer.constData()), "<i2").astype(np.float32) * np.float32(1 / 32768)
            self._values += len(values)
            self._gatherer.add(values, values)
        if self._values > LONGEST_S * RATE:
            self._fail()

    def _finish(self) -> None:
        if self._gatherer is None:
            self._fail()
            return
        self._late.stop()
        self.decoded.emit(self._gatherer.waveform(self._values / RATE))

    def _fail(self, *_: Any) -> None:
        self._late.stop()
        remedy = tr("Its annotations are listed all the same.")
        self.failed.emit(AssetError(tr("The sound cannot be read"), remedy=remedy))
