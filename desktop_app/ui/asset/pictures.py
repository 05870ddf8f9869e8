"""Pictures for the screen, read by Qt in any thread: upright, in levels of which each is half as large."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize, QSizeF
from PySide6.QtGui import QImage, QImageReader

from desktop_app.core.errors import AssetError
from desktop_app.runner.preview import Page
from desktop_app.ui.formats import tr

SMALLEST_LEVEL = 256
PREVIEW_FROM = 12_000_000
"""Pictures with more pixels than this get a quick small version first."""

ALLOCATION_MB = 1024

BAND = 128
"""Rows that are converted or halved in one go."""

LEFT_TO_THE_CHILD = frozenset({b"tiff", b"pdf", b"svg", b"svgz", b"icns"})
"""Formats with pages, or with more in them than pixels: a process of its own reads those."""

UNUSUAL = frozenset({QImage.Format.Format_CMYK8888, QImage.Format.Format_Grayscale16})
"""What Qt reads otherwise than the model sees it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture: `levels[n]` is half as wide as `levels[n - 1]`; `size` is that of the upright asset."""

    size: QSize
    levels: tuple[QImage, ...]

    def level_for(self, scale: float) -> tuple[QImage, float]:
        """The smallest level that is still sharp at `scale` screen pixels per asset pixel, and its own scale."""
        chosen = self.levels[0]
        for level in self.levels[1:]:
            if level.width() < scale * self.size.width():
                break
            chosen = level
        return chosen, chosen.width() / self.size.width()


class NeedsChild(Exception):
    """Qt cannot read it, or not as the model sees it; the preview child may."""


def read_preview(path: Path) -> Picture | None:
    """A small version of a large picture, for the eye while the whole is read; None where the whole is quick."""
    reader = _reader(path)
    size = reader.size()
    if not size.isValid() or size.width() * size.height() < PREVIEW_FROM or _for_child(reader):
        return None
    # The JPEG decoder can scale by powers of two while reading, which is many times faster.
    reader.setScaledSize(QSize(max(1, size.width() // 8), max(1, size.height() // 8)))
    reader.setQuality(0)  # the quickest of its inverse transforms, and no smoothing of colours
    image = reader.read()
    if image.isNull():
        return None
    turned = reader.transformation().value & 4
    return Picture(size.transposed() if turned else size, (_plain(image),))


def read_picture(path: Path) -> Picture:
    """Reads a picture upright (its EXIF orientation followed) and makes its pyramid.

    Raises:
        AssetError: it is no picture that Qt can read, or it is broken or too large.
    """
    try:
        return read_quickly(path)
    except NeedsChild:
        raise AssetError(
            tr("This file cannot be shown as a picture"), remedy=tr("Its annotations are listed all the same.")
        ) from None


def read_quickly(path: Path) -> Picture:
    """Reads a picture with Qt's reader.

    Raises:
        NeedsChild: the preview child is to try.
    """
    reader = _reader(path)
    if not reader.canRead() or _for_child(reader):
        raise NeedsChild
    image = reader.read()
    if image.isNull():
        raise NeedsChild
    return with_levels(image)


def picture_of(page: Page) -> Picture:
    """What the preview child has decoded."""
    grey = page.channels == 1
    kind = QImage.Format.Format_Grayscale8 if grey else QImage.Format.Format_RGB888
    image = QImage(page.pixels, page.across, page.down, page.across * page.channels, kind)
    size = QSizeF(page.width, page.height).toSize().expandedTo(QSize(1, 1))
    return with_levels(image, size)


def with_levels(image: QImage, size: QSize | None = None) -> Picture:
    """A picture of `size` asset pixels (the image's own by default) with its pyramid."""
    levels = [_plain(image)]
    while max(levels[-1].width(), levels[-1].height()) > 2 * SMALLEST_LEVEL and min(_sides(levels[-1])) > 1:
        levels.append(_halved(levels[-1]))
    return Picture(levels[0].size() if size is None else size, tuple(levels))


def _for_child(reader: QImageReader) -> bool:
    if reader.format().data() in LEFT_TO_THE_CHILD:
        return True
    return reader.imageFormat() in UNUSUAL


def _reader(path: Path) -> QImageReader:
    QImageReader.setAllocationLimit(ALLOCATION_MB)
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    # By content: a cached file's name says nothing, and a wrong ending must not matter.
    reader.setDecideFormatFromContent(True)
    return reader


def _plain(image: QImage) -> QImage:
    """The image in the form that is painted quickest, in memory of its own."""
    wanted = QImage.Format.Format_ARGB32_Premultiplied if image.hasAlphaChannel() else QImage.Format.Format_RGB32
    if image.format() == wanted:
        return image
    result = QImage(image.size(), wanted)
    pixels = _pixels(result)
    # In bands: Qt holds the interpreter while it converts, and the window would wait for the whole.
    for top in range(0, image.height(), BAND):
        band = image.copy(0, top, image.width(), min(BAND, image.height() - top)).convertToFormat(wanted)
        pixels[top : top + BAND] = _pixels(band)
    return result


def _halved(image: QImage) -> QImage:
    """Half as wide and high: of every four pixels the average. numpy lets the window run meanwhile, Qt does not."""
    result = QImage(image.width() // 2, image.height() // 2, image.format())
    source, target = _pixels(image), _pixels(result)
    high, wide = target.shape
    for top in range(0, high, BAND):
        rows = source[2 * top : 2 * min(top + BAND, high), : 2 * wide]
        upper, lower = rows[0::2], rows[1::2]
        # Four bytes averaged at once, rounded down here and up there.
        tall = (upper & lower) + (((upper ^ lower) & _ALL_BUT_LAST) >> 1)
        left, right = tall[:, 0::2], tall[:, 1::2]
        target[top : top + BAND] = (left | right) - (((left ^ right) & _ALL_BUT_LAST) >> 1)
    return result


_ALL_BUT_LAST = np.uint32(0xFEFEFEFE)


def _pixels(image: QImage) -> NDArray[np.uint32]:
    """The pixels of a 32-bit image, as they lie in memory."""
    return np.frombuffer(image.bits(), dtype=np.uint32).reshape(image.height(), image.width())


def _sides(image: QImage) -> tuple[int, int]:
    return image.width(), image.height()
