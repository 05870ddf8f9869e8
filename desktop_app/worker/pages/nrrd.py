"""Slices of NRRD volumes (https://teem.sourceforge.net/nrrd/format.html): raw or gzip data in the same file."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from desktop_app.core.errors import AssetError
from desktop_app.worker.pages.grey import finite, natural_window, range_of, shrunk, through_window, window_of
from desktop_app.worker.preview import Facts, answer, check_page, longest_of, page_of

MOST_BYTES = 1024**3

_TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    "float": "f4",
    "double": "f8",
}


def read_nrrd(path: Path, wanted: Mapping[str, Any]) -> tuple[Facts, bytes]:
    """One slice along the slowest axis; see `read_page`.

    Raises:
        AssetError: another encoding, not two or three axes, cut short, or no such slice.
    """
    number = page_of(wanted)
    with path.open("rb") as file:
        head = file.read(64 * 1024)
        end, skip = min(
            ((found, len(gap)) for gap in (b"\n\n", b"\r\n\r\n") if (found := head.find(gap)) >= 0), default=(-1, 0)
        )
        if end < 0:
            raise _damaged(path)
        fields = _fields(head[:end])
        try:
            kind = np.dtype(_TYPES[fields["type"]]).newbyteorder(">" if fields.get("endian") == "big" else "<")
            sizes = [int(part) for part in fields["sizes"].split()]
        except (KeyError, ValueError):
            raise _damaged(path) from None
        if len(sizes) not in (2, 3) or min(sizes) < 1:
            raise AssetError("Only volumes of numbers in two or three axes can be shown", where=path.name)
        columns, rows, pages = (*sizes, 1)[:3]
        if columns * rows * pages * kind.itemsize > MOST_BYTES:
            raise AssetError("The volume is too large to be shown", where=path.name)
        check_page(number, pages, path)
        one = columns * rows * kind.itemsize
        file.seek(end + skip)
        encoding = fields.get("encoding", "raw")
        if encoding == "raw":
            file.seek(number * one, 1)
            data = file.read(one)
        elif encoding in ("gzip", "gz"):
            data = zlib.decompressobj(31).decompress(file.read(MOST_BYTES), (number + 1) * one)[number * one :]
        else:
            raise AssetError(f"The volume is stored as {encoding[:20]}, which cannot be read here", where=path.name)
    if len(data) < one:
        raise _damaged(path)
    values = finite(np.frombuffer(data[:one], kind).reshape(rows, columns))
    window = window_of(wanted) or natural_window(values)
    grey = shrunk(through_window(values, window), longest_of(wanted))
    return answer(grey, (columns, rows), number, pages, window=list(window), range=range_of(values))


def _fields(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").splitlines()[1:]
    pairs = (line.split(":", 1) for line in lines if ":" in line and not line.startswith("#"))
    return {name.strip().lower(): value.strip().lower() for name, value in pairs}


def _damaged(path: Path) -> AssetError:
    return AssetError("The volume is damaged or cut short", where=path.name, remedy="Upload the file again.")
