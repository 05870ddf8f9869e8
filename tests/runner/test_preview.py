from __future__ import annotations

import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from desktop_app.core.errors import AssetError
from desktop_app.runner.preview import Cancelled, Page, PreviewChild, Ticket


@pytest.fixture(scope="module")
def child() -> Iterator[PreviewChild]:
    child = PreviewChild()
    yield child
    pid = child.pid
    child.close()
    assert pid is None or not psutil.pid_exists(pid)


def _pixels(page: Page) -> np.ndarray:
    shape = (page.down, page.across) if page.channels == 1 else (page.down, page.across, 3)
    return np.frombuffer(page.pixels, np.uint8).reshape(shape)


def _dicom(path: Path, values: np.ndarray, **more: object) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.Rows, dataset.Columns = values.shape[-2:]
    dataset.NumberOfFrames = values.shape[0] if values.ndim == 3 else 1
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    for name, value in more.items():
        setattr(dataset, name, value)
    dataset.PixelData = values.astype("<i2").tobytes()
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    return path


def test_pages_of_a_tiff(child: PreviewChild, tmp_path: Path) -> None:
    path = tmp_path / "scan"
    pages = [Image.new("RGB", (60, 40), colour) for colour in ("red", "lime", "blue")]
    pages[0].save(path, "TIFF", save_all=True, append_images=pages[1:])
    found = child.read(path, Ticket(), page=1)
    assert (found.width, found.height, found.page, found.pages) == (60, 40, 1, 3)
    assert _pixels(found)[20, 30].tolist() == [0, 255, 0]
    with pytest.raises(AssetError, match="3 pages"):
        child.read(path, Ticket(), page=3)


def test_pages_of_a_document(child: PreviewChild, tmp_path: Path) -> None:
    path = tmp_path / "letter"
    pages = [Image.new("RGB", (200, 100), colour) for colour in ("white", "red")]
    pages[0].save(path, "PDF", save_all=True, append_images=pages[1:], resolution=72)
    found = child.read(path, Ticket(), page=1, longest=400)
    assert (found.width, found.height, found.pages) == (200, 100, 2)
    assert (found.across, found.down) == (400, 200), "sharper than its points"
    red, green, _ = _pixels(found)[100, 200].tolist()
    assert red > 200 > 60 > green


def test_ink_and_orientation(child: PreviewChild, tmp_path: Path) -> None:
    path = tmp_path / "ink.jpg"
    image = Image.new("CMYK", (64, 32), (0, 255, 255, 0))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(path, exif=exif, quality=95)
    found = child.read(path, Ticket())
    assert (found.width, found.height) == (32, 64), "upright, as the model sees it"
    red, green, blue = _pixels(found)[32, 16].tolist()
    assert red > 200
    assert max(green, blue) < 60


def test_dicom_through_windows(child: PreviewChild, tmp_path: Path) -> None:
    values = np.stack([np.full((8, 16), level) for level in (0, 100)]).astype(np.int16)
    values[1, :, 8:] = 1000
    path = _dicom(
        tmp_path / "slice", values, RescaleSlope="2", RescaleIntercept="-1000", WindowCenter=0, WindowWidth=2000
    )
    found = child.read(path, Ticket(), page=1)
    assert (found.width, found.height, found.pages) == (16, 8, 2)
    assert found.window == (0, 2000)
    assert found.range == (-800, 1000), "in the units that slope and intercept give"
    assert _pixels(found)[4, 2] == pytest.approx(round(200 / 2000 * 255), abs=1)
    assert _pixels(found)[4, 12] == 255
    narrow = child.read(path, Ticket(), page=1, window=(1000, 100))
    assert [_pixels(narrow)[4, x] for x in (2, 12)] == [0, pytest.approx(128, abs=1)]


def test_slices_of_a_volume(child: PreviewChild, tmp_path: Path) -> None:
    volume = np.arange(3, dtype="<u2").repeat(20).reshape(3, 4, 5) * 1000
    volume[1, 0, 0] = 0
    for encoding, data in (("raw", volume.tobytes()), ("gzip", None)):
        body = data if data is not None else _gzip(volume.tobytes())
        head = f"NRRD0004\ntype: uint16\ndimension: 3\nsizes: 5 4 3\nendian: little\nencoding: {encoding}\n\n"
        path = tmp_path / f"volume-{encoding}"
        path.write_bytes(head.encode() + body)
        found = child.read(path, Ticket(), page=1)
        assert (found.across, found.down, found.pages) == (5, 4, 3)
        assert found.range == (0, 1000)


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a picture",
        b"%PDF-1.7\n broken",
        b"\0" * 128 + b"DICM broken",
        b"NRRD0004\ntype: uint16\nsizes: 5 4\n\n1",
        b"II*\0\xff\xff\xff\xff",
        b"NRRD0004\ntype: double\nsizes: 60000 60000 60000\n\n",
    ],
)
def test_hostile_files_cost_a_sentence(child: PreviewChild, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(AssetError) as caught:
        child.read(path, Ticket())
    assert caught.value.what.startswith("The ")
    assert "Error" not in caught.value.what


STUCK = "import sys, time; sys.stdin.buffer.read(1); time.sleep(600)"


def test_what_takes_too_long_is_ended(tmp_path: Path) -> None:
    child = PreviewChild([sys.executable, "-c", STUCK], limit_s=0.3)
    with pytest.raises(AssetError, match="too long"):
        child.read(tmp_path / "x", Ticket())
    assert child.pid is None
    child.close()


def test_a_cancelled_page_ends_what_was_done_for_it(tmp_path: Path) -> None:
    child = PreviewChild([sys.executable, "-c", STUCK])
    ticket = Ticket()
    ended: list[type[BaseException]] = []

    def read() -> None:
        try:
            child.read(tmp_path / "x", ticket)
        except BaseException as error:
            ended.append(type(error))

    thread = threading.Thread(target=read)
    thread.start()
    while child.pid is None:
        thread.join(0.01)
    ticket.cancel()
    thread.join(60)
    assert ended == [Cancelled]
    with pytest.raises(Cancelled):
        child.read(tmp_path / "x", ticket)
    child.close()


def test_a_dead_reader_is_told_and_replaced(tmp_path: Path) -> None:
    child = PreviewChild([sys.executable, "-c", "pass"])
    for _ in range(2):
        with pytest.raises(AssetError, match="reader ended"):
            child.read(tmp_path / "x", Ticket())
    child.close()
