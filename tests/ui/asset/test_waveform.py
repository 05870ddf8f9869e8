from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from desktop_app.core.errors import AssetError
from desktop_app.ui.asset.waveform import Gatherer, NeedsDecoder, read_waveform


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_width_of_a_wav_file(tmp_path: Path, width: int) -> None:
    values = np.concatenate((np.zeros(500), np.full(500, 0.5), np.full(500, -0.25)))
    whole = np.rint(values * 2 ** (8 * width - 1)).astype(np.int64) + (128 if width == 1 else 0)
    data = b"".join(int(value).to_bytes(width, "little", signed=width > 1) * 2 for value in whole)
    path = tmp_path / "sound"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((2, width, 1000, len(values), "NONE", ""))
        sound.writeframes(data)
    found = read_waveform(path)
    assert found.seconds == 1.5
    assert [float(found.high[n]) for n in (250, 750, 1250)] == pytest.approx([0, 0.5, -0.25], abs=0.01)


def test_stretches_keep_their_extremes() -> None:
    gatherer = Gatherer(4)
    for part in (np.array([0, 1, 0], np.float32), np.array([0, -1, 0, 0.5], np.float32)):
        gatherer.add(part, part)
    found = gatherer.waveform(1.0)
    assert found.low.tolist() == [0, -1]
    assert found.high.tolist() == [1, 0.5]


@pytest.mark.parametrize("content", [b"", b"ID3 compressed", b"RIFF\x24\0\0\0WAVEfmt "])
def test_what_is_no_plain_wav(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(NeedsDecoder) as caught:
        read_waveform(path)
    assert "plugdeck[video]" in caught.value.remedy


def test_a_header_that_lies(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
    with pytest.raises(AssetError, match="empty"):
        read_waveform(path)
