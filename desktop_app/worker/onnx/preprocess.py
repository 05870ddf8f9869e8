"""From a decoded picture to the tensor a model takes."""

from __future__ import annotations

import numpy as np
from PIL import Image

from desktop_app.worker.onnx.geometry import Geometry, plan
from desktop_app.worker.onnx.picture import Picture
from desktop_app.worker.onnx.spec import DTYPES, Array, InputSpec


def to_tensor(picture: Picture, spec: InputSpec) -> tuple[Array, Geometry]:
    """Resizes, pads or crops, and scales a picture.

    Returns:
        the tensor in the input's layout and dtype, batch axis included where it has one, and the geometry that maps
        coordinates of the tensor back to asset pixels.
    """
    geometry = plan(spec, picture.width, picture.height)
    canvas = place(picture.resized(geometry.picture_width, geometry.picture_height), geometry, spec.pad)
    return pack(np.asarray(canvas), spec), geometry


def place(image: Image.Image, geometry: Geometry, pad: int) -> Image.Image:
    """Puts the resampled picture where the geometry says; the rest is grey of value `pad`."""
    if image.size == (geometry.width, geometry.height) and not (geometry.offset_x or geometry.offset_y):
        return image
    canvas = Image.new("RGB", (geometry.width, geometry.height), (pad, pad, pad))
    canvas.paste(image, (geometry.offset_x, geometry.offset_y))
    return canvas


def pack(pixels: Array, spec: InputSpec) -> Array:
    """Scales RGB bytes `[height, width, 3]` and lays them out as the input wants them."""
    dtype = DTYPES.get(spec.dtype, np.float32)
    if spec.channels == 1 or spec.color == "gray":
        # The weights of ITU-R 601, which Pillow and OpenCV use too.
        luma = pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
        values = np.repeat(luma[..., None], spec.channels, axis=2)
    else:
        values = pixels[..., ::-1] if spec.color == "bgr" else pixels
        if spec.channels == 4:
            opaque = np.full((*values.shape[:2], 1), 255, dtype=values.dtype)
            values = np.concatenate([values, opaque], axis=2)
    if spec.layout.endswith("chw"):
        # Planes first: bytes are moved faster than the numbers that become of them.
        values = np.ascontiguousarray(values.transpose(2, 0, 1))
    if np.issubdtype(dtype, np.integer):
        values = np.rint(values).astype(dtype)
    else:
        values = _scaled(values.astype(np.float32), spec)
    if spec.layout.startswith("n"):
        values = values[None] if spec.batch == 1 else np.repeat(values[None], spec.batch, axis=0)
    return np.ascontiguousarray(values, dtype=dtype)


def _scaled(values: Array, spec: InputSpec) -> Array:
    """The numbers the model takes, in place."""
    if spec.normalize == "peak":
        values /= max(float(values.max()), 1e-6)
    elif spec.scale != 1.0:
        values *= np.float32(spec.scale)
    shape = (-1, 1, 1) if spec.layout.endswith("chw") else (1, 1, -1)
    if any(spec.mean):
        values -= np.array(_per_channel(spec.mean, spec.channels), dtype=np.float32).reshape(shape)
    if any(value != 1.0 for value in spec.std):
        values /= np.array(_per_channel(spec.std, spec.channels), dtype=np.float32).reshape(shape)
    return values


def _per_channel(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    if len(values) == channels:
        return values
    return values[:channels] if len(values) > channels else values + (values[-1],) * (channels - len(values))
