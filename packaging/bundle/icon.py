"""Draws the app's icon: `icon.py FILE SIZE [SIZE…]`; several sizes go into one .ico or .icns."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

SOURCE = Path(__file__).resolve().parent.parent.parent / "resources" / "plugdeck.svg"


def draw(size: int) -> QImage:
    """The icon as a square picture of `size` pixels."""
    picture = QImage(size, size, QImage.Format.Format_ARGB32)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(str(SOURCE)).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return picture


def png(size: int) -> bytes:
    """The same as a PNG file."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not draw(size).save(buffer, "PNG"):
        raise OSError("the icon cannot be written as PNG")
    return bytes(buffer.data().data())


def container(path: Path, sizes: list[int]) -> bytes:
    """A file with several sizes of it, of the kind that the name asks for."""
    from io import BytesIO

    from PIL import Image

    pictures = [Image.open(BytesIO(png(size))) for size in sorted(sizes, reverse=True)]
    out = BytesIO()
    pictures[0].save(out, path.suffix[1:].upper(), sizes=[(size, size) for size in sizes], append_images=pictures[1:])
    return out.getvalue()


if __name__ == "__main__":
    application = QGuiApplication(sys.argv[:1])
    target, wanted = Path(sys.argv[1]), [int(size) for size in sys.argv[2:]]
    target.write_bytes(png(wanted[0]) if target.suffix == ".png" else container(target, wanted))
