"""Grey values of any depth as eight bits, through a window of values (centre and width)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Window = tuple[float, float]


def window_of(wanted: Mapping[str, Any]) -> Window | None:
    """The window that is asked for: centre and width."""
    window = wanted.get("window")
    if isinstance(window, (list, tuple)) and len(window) == 2 and all(_is_number(part) for part in window):
        return float(window[0]), max(float(window[1]), 1e-6)
    return None


def natural_window(values: NDArray[Any]) -> Window:
    """From the darkest to the brightest, without the last thousandth at either end: dead pixels must not decide."""
    sample = values.ravel()[:: max(1, values.size // 200_000)]
    low, high = np.percentile(sample, (0.1, 99.9)) if sample.size else (0.0, 1.0)
    if high <= low:
        low, high = float(values.min()), float(values.max())
    return (float(low) + float(high)) / 2, max(float(high) - float(low), 1e-6)


def through_window(values: NDArray[Any], window: Window, *, invert: bool = False) -> NDArray[np.uint8]:
    """The values as grey levels; DICOM PS3.3 C.11.2.1.2, linear exact."""
    centre, width = window
    scaled = (values.astype(np.float32) - np.float32(centre - width / 2)) * np.float32(255.0 / width)
    grey: NDArray[np.uint8] = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return np.bitwise_not(grey) if invert else grey


def finite(values: NDArray[Any]) -> NDArray[Any]:
    """Values without NaN and infinities."""
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0) if values.dtype.kind == "f" else values


def range_of(values: NDArray[Any]) -> list[float]:
    """The darkest and the brightest value."""
    return [float(values.min()), float(values.max())] if values.size else [0.0, 1.0]


def shrunk(pixels: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """Pixels with a longer side of at most `longest`."""
    largest = max(pixels.shape[:2])
    if largest <= longest:
        return pixels
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((longest, longest), Image.Resampling.BOX)
    return np.asarray(image)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12
