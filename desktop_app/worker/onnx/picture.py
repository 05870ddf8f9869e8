"""Reads a picture file: every mode Pillow knows, upright, within limits that a bomb cannot pass."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from desktop_app.core.errors import AssetError

MAX_PIXELS: Final = 250_000_000
"""A picture above this is refused unless it is a JPEG, which can be decoded at an eighth of its size."""
MAX_DRAFT_PIXELS: Final = 4_000_000_000
MAX_SIDE: Final = 65_535

_WANTED: Final = ("JPEG", "MPO", "PNG", "TIFF", "WEBP", "BMP", "DIB", "GIF", "JPEG2000", "AVIF", "PPM", "ICO")
Image.init()
# EPS, PDF and their like are left out: opening one may start a program. Builds without a codec lack its format.
_FORMATS: Final = tuple(name for name in _WANTED if name in Image.OPEN)
_SWAPPING: Final = frozenset({5, 6, 7, 8})
_UPRIGHT: Final = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)

# Our own limits say what to do about it; Pillow's would be a warning or an error without a remedy.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded page.

    Attributes:
        image: as stored in the file (not yet upright), mode "RGB".
        orientation: EXIF orientation, 1…8.
        width, height: of the upright picture at full size, in pixels.
        reduced: the factor by which the decoder already shrank `image`; 1 is full size.
        notes: what a person should know about how it was read.
    """

    image: Image.Image
    orientation: int
    width: int
    height: int
    reduced: int = 1
    notes: tuple[str, ...] = ()

    def resized(self, width: int, height: int) -> Image.Image:
        """The whole picture, upright, resampled to this size."""
        swap = self.orientation in _SWAPPING
        target = (height, width) if swap else (width, height)
        stored_width, stored_height = (self.height, self.width) if swap else (self.width, self.height)
        # A reduced decode rounds its size up: the last column may stand for fewer asset pixels than the others.
        box = (0.0, 0.0, stored_width / self.reduced, stored_height / self.reduced)
        image = self.image
        if target != image.size or box[2:] != image.size:
            image = image.resize(target, Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)
        transpose = _UPRIGHT.get(self.orientation)
        return image if transpose is None else image.transpose(transpose)


Target = tuple[int, int] | Callable[[int, int], tuple[int, int]]
"""A size in pixels (width, height), or what makes one of the upright picture's width and height."""


def read_picture(path: Path, *, page: int = 0, target: Target | None = None) -> Picture:
    """Decodes one page of a picture file.

    Args:
        path: the file.
        page: of a multi-page TIFF, from 0; other formats give their first frame.
        target: the size that is enough; a far larger JPEG is then decoded at 1/2, 1/4 or 1/8.

    Raises:
        AssetError: no picture, damaged, too large, or no such page.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of odd EXIF and TIFF tags; the picture is there all the same
            return _read(path, page, target)
    except AssetError:
        raise
    except UnidentifiedImageError:
        raise _not_a_picture(path) from None
    except FileNotFoundError:
        raise AssetError("The asset's file is not there", where=path.name, remedy="Run the job again.") from None
    except MemoryError:
        raise AssetError(
            "The picture does not fit into memory", where=path.name, remedy="Use a smaller picture."
        ) from None
    # Decoders raise SyntaxError, ValueError, struct.error, zlib errors and more for damaged files.
    except Exception as error:  # noqa: BLE001
        raise AssetError(
            "The picture is damaged or cut short",
            where=path.name,
            remedy="Upload the file again.",
            details=f"{type(error).__name__}: {error}",
        ) from None


def _read(path: Path, page: int, target: Target | None) -> Picture:
    with Image.open(path, formats=_FORMATS) as image:
        notes: list[str] = []
        frames = getattr(image, "n_frames", 1)
        if image.format == "TIFF" and frames > 1:
            if not 0 <= page < frames:
                raise AssetError(
                    f"The picture has {frames} pages, page {page} is not among them",
                    where=path.name,
                    remedy=f"Ask for a page from 0 to {frames - 1}.",
                )
            image.seek(page)
        elif frames > 1:
            notes.append(f"The picture is animated ({frames} frames): the first frame was used.")
        full = image.size
        _check_size(full, path, draft=image.format in ("JPEG", "MPO"))
        orientation = int(image.getexif().get(ExifTags.Base.Orientation, 1) or 1)
        if orientation not in range(1, 9):
            orientation = 1
        reduced = _draft(image, full, orientation, target)
        _check_size(image.size, path, draft=False)
        rgb, more = to_rgb(image)
        width, height = (full[1], full[0]) if orientation in _SWAPPING else full
        return Picture(rgb, orientation, width, height, reduced, (*notes, *more))


def _draft(image: Image.Image, full: tuple[int, int], orientation: int, target: Target | None) -> int:
    if target is None or image.format not in ("JPEG", "MPO"):
        if full[0] * full[1] > MAX_PIXELS and image.format in ("JPEG", "MPO"):
            target = (1, 1)
        else:
            return 1
    swap = orientation in _SWAPPING
    if callable(target):
        target = target(*(full[::-1] if swap else full))
    want = target[::-1] if swap else target
    # Half as much again as is wanted leaves the final resampling something to average over.
    for factor in (8, 4, 2):
        if full[0] >= want[0] * 1.5 * factor and full[1] >= want[1] * 1.5 * factor:
            image.draft(None, (full[0] // factor, full[1] // factor))
            break
    # What the decoder chose counts, not what was asked for.
    return next((f for f in (8, 4, 2) if image.size == (-(-full[0] // f), -(-full[1] // f))), 1)


def _check_size(size: tuple[int, int], path: Path, *, draft: bool) -> None:
    width, height = size
    limit = MAX_DRAFT_PIXELS if draft else MAX_PIXELS
    if width < 1 or height < 1:
        raise AssetError("The picture has no pixels", where=path.name, remedy="Upload another file.")
    if width * height > limit or max(size) > MAX_SIDE:
        raise AssetError(
            f"The picture claims {width} × {height} pixels, more than the limit of {limit // 1_000_000} megapixels",
            where=path.name,
            remedy="Cut it into smaller pictures.",
        )


def to_rgb(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """Converts any mode to 8-bit RGB the way a viewer shows it: transparency over white, full range of 16 bits."""
    mode = image.mode
    if mode == "RGB" and "transparency" not in image.info:
        image.load()  # what is loaded outlives its file
        return image, []
    if mode.startswith("I;16") or mode in ("I", "F"):
        return _deep_to_rgb(np.asarray(image))
    if mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB"), []
    return image.convert("RGB"), []


def _deep_to_rgb(values: np.ndarray) -> tuple[Image.Image, list[str]]:
    notes: list[str] = []
    if values.dtype == np.uint16:
        gray = values.astype(np.float32) / 257.0
    else:
        numbers = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        low, high = float(numbers.min()), float(numbers.max())
        if low >= 0 and high <= 255 and (values.dtype.kind != "f" or high > 1):
            gray = numbers.astype(np.float32)
        elif low >= 0 and high <= 65535 and values.dtype.kind != "f":
            gray = (numbers / 257.0).astype(np.float32)
        else:
            gray = ((numbers - low) * (255.0 / ((high - low) or 1.0))).astype(np.float32)
            notes.append(f"The picture's values {low:g} to {high:g} were spread over black to white.")
    eight = Image.fromarray(np.clip(np.rint(gray), 0, 255).astype(np.uint8))
    return eight.convert("RGB"), notes


def _not_a_picture(path: Path) -> AssetError:
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        return AssetError("The asset's file is empty", where=path.name, remedy="Upload the file again.")
    lowered = head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if lowered.startswith((b"<svg", b"<?xml")) or b"<svg" in lowered:
        kind, remedy = "a vector drawing (SVG)", "Export it as PNG first."
    elif lowered.startswith(b"%pdf"):
        kind, remedy = "a PDF document", "Export its pages as pictures first."
    elif lowered.startswith((b"<!doctype html", b"<html")):
        kind, remedy = "a web page", "Check the address of the asset: it may need a login."
    elif b"\0" not in head:
        kind, remedy = "text", "Give the model a picture file (JPEG, PNG, TIFF, WebP…)."
    else:
        kind, remedy = "not a picture that can be read here", "Convert it to JPEG, PNG or TIFF."
    text = f"The asset is {kind}" if kind.startswith("not") else f"The asset is {kind}, not a picture"
    return AssetError(text, where=path.name, remedy=remedy)
