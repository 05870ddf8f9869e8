"""Pages of PDF documents, drawn by PDFium. Asset pixels are points (1/72 inch), as the hub's own areas use them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2

from desktop_app.core.errors import AssetError
from desktop_app.worker.preview import Facts, answer, check_page, longest_of, page_of

MOST_DOTS_PER_POINT = 4.0
"""288 dpi: small print is read at that, and a page in the hub's largest format still fits."""


def read_pdf(path: Path, wanted: Mapping[str, Any]) -> tuple[Facts, bytes]:
    """One page; see `read_page`.

    Raises:
        AssetError: locked by a password, damaged, or no such page.
    """
    number = page_of(wanted)
    try:
        document = pypdfium2.PdfDocument(str(path))
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise AssetError("The document is locked by a password", where=path.name) from None
        raise AssetError("The document is damaged", where=path.name, remedy="Upload the file again.") from None
    try:
        pages = len(document)
        check_page(number, pages, path)
        page = document[number]
        width, height = page.get_size()
        if not (0 < width < 1e6 and 0 < height < 1e6):
            raise AssetError("The page has no size", where=path.name)
        scale = min(MOST_DOTS_PER_POINT, longest_of(wanted) / max(width, height))
        bitmap = page.render(scale=scale, rev_byteorder=True, may_draw_forms=False)
        pixels: np.ndarray[Any, np.dtype[np.uint8]] = bitmap.to_numpy()
        pixels = pixels[:, :, :3] if pixels.ndim == 3 and pixels.shape[2] > 1 else pixels.reshape(pixels.shape[:2])
        return answer(pixels, (width, height), number, pages)
    finally:
        document.close()
