"""Decodes for the screen what Qt cannot: pages of TIFF and PDF, DICOM and NRRD slices, CMYK and deep pictures.

One `run` frame asks for one page (`wanted`: `path`, `page`, `longest`, `window`); the answer's blob holds its pixels,
row by row, three bytes each (RGB) or one (grey). Runs as a child of its own under a limit of memory, so that a
hostile file costs a sentence.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from desktop_app.child.serve import Failure, Job, Loaded
from desktop_app.core.errors import AssetError, KnownError

LONGEST: Final = 8192
"""The longer side of a picture that is sent, in pixels; a larger one is shrunk."""

MEMORY: Final = 4 * 1024**3
"""Bytes of address space; a decoder that wants more gets an error."""

Facts = dict[str, Any]
Read = Callable[[Path, Mapping[str, Any]], tuple[Facts, bytes]]


def previews() -> Loaded:
    """The worker that answers questions for pages."""
    _limit_memory()
    return Loaded({}, _run)


def read_page(path: Path, wanted: Mapping[str, Any]) -> tuple[Facts, bytes]:
    """One page of a file.

    Args:
        wanted: `page` (from 0), `longest` (side in pixels that is enough), `window` ([centre, width] or None).

    Returns:
        `{"width", "height"}` of the upright page in asset pixels (points for PDF), `{"across", "down", "channels"}`
        of the blob, `{"pages", "page"}`, and for grey values `{"window", "range"}`; `{"notes"}` for people.

    Raises:
        AssetError: no such file, page or kind; damaged, or too large.
    """
    try:
        with path.open("rb") as file:
            head = file.read(256)
    except OSError as error:
        raise AssetError("The asset's file is not there", where=path.name, remedy="Run the job again.") from error
    return _reader(head)(path, wanted)


def _reader(head: bytes) -> Read:
    if head[:5] == b"%PDF-":
        from desktop_app.worker.pages.pdf import read_pdf

        return read_pdf
    if head[128:132] == b"DICM":
        from desktop_app.worker.pages.dicom import read_dicom

        return read_dicom
    if head[:4] == b"NRRD":
        from desktop_app.worker.pages.nrrd import read_nrrd

        return read_nrrd
    return _read_picture


def _read_picture(path: Path, wanted: Mapping[str, Any]) -> tuple[Facts, bytes]:
    from PIL import Image

    from desktop_app.worker.onnx.picture import read_picture

    page, longest = page_of(wanted), longest_of(wanted)
    picture = read_picture(path, page=page, target=(longest, longest))
    with Image.open(path) as image:
        pages = int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1
    factor = min(1.0, longest / max(picture.width, picture.height))
    size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
    pixels = np.asarray(picture.resized(*size))
    return answer(pixels, (picture.width, picture.height), page, pages, notes=list(picture.notes))


def answer(
    pixels: NDArray[np.uint8], size: tuple[float, float], page: int, pages: int, **more: Any
) -> tuple[Facts, bytes]:
    """The answer for 8-bit pixels of shape (rows, columns) or (rows, columns, 3)."""
    facts = {
        "width": size[0],
        "height": size[1],
        "across": pixels.shape[1],
        "down": pixels.shape[0],
        "channels": 1 if pixels.ndim == 2 else 3,
        "page": page,
        "pages": pages,
        **more,
    }
    return facts, np.ascontiguousarray(pixels).tobytes()


def page_of(wanted: Mapping[str, Any]) -> int:
    """The page that is asked for, from 0."""
    page = wanted.get("page")
    return page if isinstance(page, int) and not isinstance(page, bool) and page >= 0 else 0


def longest_of(wanted: Mapping[str, Any]) -> int:
    """How large the picture's longer side needs to be, in pixels."""
    longest = wanted.get("longest")
    return min(max(longest, 16), LONGEST) if isinstance(longest, int) else LONGEST


def check_page(page: int, pages: int, path: Path) -> None:
    """Raises AssetError where there is no such page."""
    if not 0 <= page < pages:
        raise AssetError(
            f"The asset has {pages} pages, page {page + 1} is not among them", where=path.name, remedy="Choose another."
        )


def _run(job: Job) -> tuple[dict[str, Any], bytes]:
    wanted = job.frame.get("wanted")
    wanted = wanted if isinstance(wanted, dict) else {}
    try:
        return read_page(Path(str(wanted.get("path"))), wanted)
    except KnownError as error:
        raise Failure(error.what, error.where, error.remedy, error.details) from None
    except MemoryError:
        raise Failure("The asset does not fit into memory", remedy="Use a smaller file.") from None
    # Decoders of hostile files raise whatever they meet.
    except Exception as error:  # noqa: BLE001
        details = f"{type(error).__name__}: {error}"[:2000]
        raise Failure("The asset is damaged or cut short", remedy="Upload the file again.", details=details) from None


def _limit_memory() -> None:
    if sys.platform == "win32":
        return
    import resource

    try:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    except (OSError, ValueError):
        pass
