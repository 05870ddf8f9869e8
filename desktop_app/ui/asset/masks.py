"""Brush masks of an answer as pictures that lie over the asset."""

from __future__ import annotations

import base64
import binascii
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from PySide6.QtGui import QImageReader

from desktop_app.ui.asset.items import Layer, Mask
from desktop_app.ui.asset.pictures import ALLOCATION_MB, Picture, with_levels
from desktop_app.ui.formats import tr

LONGEST = 64 * 1024 * 1024
"""Bytes of a mask that travels in the answer itself."""


@dataclass(frozen=True, slots=True)
class Masks:
    """The masks that could be read, and a sentence for each that could not."""

    pictures: tuple[tuple[Layer, Picture], ...] = ()
    notes: tuple[str, ...] = ()

    def shown(self, layers: frozenset[Layer]) -> tuple[Picture, ...]:
        """The masks of some layers."""
        return tuple(picture for layer, picture in self.pictures if layer in layers)


def read_masks(masks: Sequence[Mask]) -> Masks:
    """Reads masks that are in the answer itself. In any thread."""
    pictures: list[tuple[Layer, Picture]] = []
    notes: list[str] = []
    for mask in masks:
        picture = None if mask.volume else _picture(mask.address)
        if picture is not None:
            pictures.append((mask.layer, picture))
        elif mask.volume:
            notes.append(tr("Volume mask: stored on the hub, not shown here"))
        else:
            notes.append(tr("Brush mask: stored on the hub, not shown here"))
    return Masks(tuple(pictures), tuple(dict.fromkeys(notes)))


def _picture(address: str) -> Picture | None:
    data = _data(address)
    if data is None:
        return None
    QImageReader.setAllocationLimit(ALLOCATION_MB)
    # From a file, not from a QBuffer: Qt holds the lock of its plugins while it looks into a device, and one that was
    # made here needs the interpreter's lock for that. A thread that had the one and waited for the other stopped the
    # window for good.
    with tempfile.TemporaryDirectory(prefix="plugdeck-mask-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "mask"
        file.write_bytes(data)
        image = QImageReader(str(file)).read()
    return None if image.isNull() else with_levels(image)


def _data(address: str) -> bytes | None:
    """The bytes of a `data:` URL (RFC 2397)."""
    if not address.startswith("data:") or len(address) > 2 * LONGEST:
        return None
    head, comma, body = address[5:].partition(",")
    if not comma:
        return None
    try:
        return base64.b64decode(body) if head.endswith(";base64") else unquote_to_bytes(body)
    except (binascii.Error, ValueError):
        return None
