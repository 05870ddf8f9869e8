"""Sound as the loudest and quietest values of short stretches, read in any thread with bounded memory."""

from __future__ import annotations

import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop_app.core.errors import AssetError
from desktop_app.ui.asset.extra import how_to_read_it
from desktop_app.ui.formats import tr

STRETCHES = 16_000
"""Into so many stretches a sound is cut; more than the widest screen has pixels."""

AT_ONCE = 1 << 18
LONGEST_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Waveform:
    """A sound.

    Attributes:
        seconds: how long it is.
        low, high: least and greatest value of every stretch, -1 to 1, all channels together.
    """

    seconds: float
    low: NDArray[np.float32] = field(repr=False)
    high: NDArray[np.float32] = field(repr=False)


class NeedsDecoder(AssetError):
    """No plain WAV file: QtMultimedia may read it, if it is there."""

    decodable = True


def read_waveform(path: Path) -> Waveform:
    """Reads a WAV file.

    Raises:
        NeedsDecoder: it is compressed, or no WAV file.
        AssetError: it is cut short or holds nothing.
    """
    try:
        with wave.open(str(path), "rb") as sound:
            return _read(sound, path)
    except (wave.Error, EOFError, ValueError):
        raise NeedsDecoder(
            tr("This kind of sound cannot be shown"),
            where=path.name,
            remedy=how_to_read_it(),
        ) from None


def _read(sound: wave.Wave_read, path: Path) -> Waveform:
    frames, rate = sound.getnframes(), sound.getframerate()
    channels, width = sound.getnchannels(), sound.getsampwidth()
    if rate <= 0 or frames <= 0 or channels <= 0 or width not in (1, 2, 3, 4) or frames / rate > LONGEST_S:
        raise AssetError(tr("The sound is empty or damaged"), where=path.name, remedy=tr("Upload the file again."))
    gatherer = Gatherer(max(1, -(-frames // STRETCHES)))
    read = 0
    while data := sound.readframes(AT_ONCE):
        whole = len(data) // (channels * width)
        values = _values(data[: whole * channels * width], width).reshape(-1, channels)
        gatherer.add(values.min(axis=1), values.max(axis=1))
        read += whole
    if not read:
        raise AssetError(tr("The sound is cut short"), where=path.name, remedy=tr("Upload the file again."))
    # What the header claims and the file does not hold is silence that nobody recorded.
    return gatherer.waveform(read / rate)


def _values(data: bytes, width: int) -> NDArray[np.float32]:
    if width == 1:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - np.float32(128)) * np.float32(1 / 128)
    if width == 3:
        three = np.frombuffer(data, np.uint8).reshape(-1, 3)
        wide = np.zeros((len(three), 4), np.uint8)
        wide[:, 1:] = three
        return wide.view("<i4").ravel().astype(np.float32) * np.float32(2.0**-31)
    kind = "<i2" if width == 2 else "<i4"
    return np.frombuffer(data, kind).astype(np.float32) * np.float32(2.0 ** (1 - 8 * width))


class Gatherer:
    """Collects values into stretches of `size` each, as they come."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._low: list[NDArray[np.float32]] = []
        self._high: list[NDArray[np.float32]] = []
        self._rest: tuple[NDArray[np.float32], NDArray[np.float32]] = (np.empty(0, np.float32), np.empty(0, np.float32))

    def add(self, low: NDArray[np.float32], high: NDArray[np.float32]) -> None:
        """Takes in the least and greatest value of every moment."""
        low, high = np.concatenate((self._rest[0], low)), np.concatenate((self._rest[1], high))
        whole = len(low) // self._size * self._size
        self._rest = low[whole:], high[whole:]
        if whole:
            self._low.append(low[:whole].reshape(-1, self._size).min(axis=1))
            self._high.append(high[:whole].reshape(-1, self._size).max(axis=1))

    def waveform(self, seconds: float) -> Waveform:
        """All of it."""
        low, high = self._rest
        if len(low):
            self._low.append(low.min(keepdims=True))
            self._high.append(high.max(keepdims=True))
        empty = np.zeros(1, np.float32)
        return Waveform(
            seconds,
            np.concatenate(self._low) if self._low else empty,
            np.concatenate(self._high) if self._high else empty,
        )
