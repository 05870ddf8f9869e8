"""Frames of DICOM files: stored values turned into what they measure, then seen through a window."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import pixel_array

from desktop_app.core.errors import AssetError
from desktop_app.worker.pages.grey import Window, finite, natural_window, range_of, shrunk, through_window, window_of
from desktop_app.worker.preview import Facts, answer, check_page, longest_of, page_of

MOST_PIXELS = 250_000_000


def read_dicom(path: Path, wanted: Mapping[str, Any]) -> tuple[Facts, bytes]:
    """One frame; see `read_page`.

    Raises:
        AssetError: no picture in it, a compression that cannot be read here, or no such frame.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd headers are the rule; the picture is there all the same
        return _read(path, wanted)


def _read(path: Path, wanted: Mapping[str, Any]) -> tuple[Facts, bytes]:
    number = page_of(wanted)
    try:
        dataset = pydicom.dcmread(path, defer_size=1024)
    except InvalidDicomError:
        raise AssetError("The DICOM file is damaged", where=path.name, remedy="Upload the file again.") from None
    rows, columns = int(dataset.get("Rows", 0) or 0), int(dataset.get("Columns", 0) or 0)
    if not rows or not columns or "PixelData" not in dataset:
        raise AssetError("The DICOM file holds no picture", where=path.name)
    if rows * columns > MOST_PIXELS:
        raise AssetError(f"The picture claims {columns} × {rows} pixels, which is too many", where=path.name)
    pages = max(1, int(dataset.get("NumberOfFrames", 1) or 1))
    check_page(number, pages, path)
    try:
        stored = pixel_array(path, index=number)
    except (NotImplementedError, RuntimeError, AttributeError) as error:
        syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
        name = getattr(syntax, "name", "") or "an unknown compression"
        raise AssetError(
            f"The picture is stored as {name}, which cannot be read here",
            where=path.name,
            remedy="Save it uncompressed.",
            details=str(error)[:2000],
        ) from None
    if stored.ndim == 3:
        return answer(shrunk(_eight_bits(stored[:, :, :3]), longest_of(wanted)), (columns, rows), number, pages)
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        coloured = _eight_bits(apply_color_lut(stored, dataset))
        return answer(shrunk(coloured, longest_of(wanted)), (columns, rows), number, pages)
    values = finite(apply_modality_lut(stored, dataset))
    window = window_of(wanted) or _own_window(dataset) or natural_window(values)
    invert = dataset.get("PhotometricInterpretation") == "MONOCHROME1"
    grey = shrunk(through_window(values, window, invert=invert), longest_of(wanted))
    return answer(grey, (columns, rows), number, pages, window=list(window), range=range_of(values))


def _own_window(dataset: Any) -> Window | None:
    """The window that the file proposes; the first where it proposes several."""
    centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    return None if centre is None or width is None or width <= 0 else (centre, width)


def _first(value: Any) -> float | None:
    if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue":
        value = value[0] if len(value) else None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    return through_window(pixels, natural_window(pixels))
