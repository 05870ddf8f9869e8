"""Values, order and type of the tensor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from desktop_app.worker.onnx.picture import read_picture
from desktop_app.worker.onnx.preprocess import pack, to_tensor
from desktop_app.worker.onnx.spec import BYTE, IMAGENET_MEAN, IMAGENET_STD, InputSpec, Resize

RGB = np.array([[[10, 20, 30]]], dtype=np.uint8)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (InputSpec("x", 1, 1), [10 / 255, 20 / 255, 30 / 255]),
        (InputSpec("x", 1, 1, scale=1.0), [10, 20, 30]),
        (InputSpec("x", 1, 1, scale=1.0, color="bgr"), [30, 20, 10]),
        (InputSpec("x", 1, 1, scale=1.0, mean=(127.5,) * 3, std=(127.5,) * 3), [-0.92157, -0.84314, -0.76471]),
        (
            InputSpec("x", 1, 1, scale=BYTE, mean=IMAGENET_MEAN, std=IMAGENET_STD),
            [(v / 255 - m) / s for v, m, s in zip((10, 20, 30), IMAGENET_MEAN, IMAGENET_STD, strict=True)],
        ),
        (InputSpec("x", 1, 1, normalize="peak"), [1 / 3, 2 / 3, 1]),
        (InputSpec("x", 1, 1, scale=1.0, channels=1, color="gray"), [0.299 * 10 + 0.587 * 20 + 0.114 * 30]),
        (InputSpec("x", 1, 1, scale=1.0, channels=4), [10, 20, 30, 255]),
        (InputSpec("x", 1, 1, dtype="uint8"), [10, 20, 30]),
    ],
)
def test_values(spec: InputSpec, expected: list[float]) -> None:
    tensor = pack(RGB, spec)
    assert tensor.shape == (1, len(expected), 1, 1)
    assert str(tensor.dtype) == spec.dtype
    assert np.allclose(tensor.ravel(), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("layout", "shape"), [("nchw", (1, 3, 4, 5)), ("nhwc", (1, 4, 5, 3)), ("chw", (3, 4, 5)), ("hwc", (4, 5, 3))]
)
def test_layouts(layout: str, shape: tuple[int, ...]) -> None:
    assert pack(np.zeros((4, 5, 3), dtype=np.uint8), InputSpec("x", 5, 4, layout=layout)).shape == shape


def test_half_precision_and_batch() -> None:
    tensor = pack(RGB, InputSpec("x", 1, 1, dtype="float16", batch=3))
    assert tensor.shape == (3, 3, 1, 1)
    assert tensor.dtype == np.float16


def test_padding_has_its_value_and_the_picture_its_place(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    Image.new("RGB", (40, 20), (255, 0, 0)).save(path)
    spec = InputSpec("x", 20, 20, scale=1.0, pad=114)
    tensor, geometry = to_tensor(read_picture(path), spec)
    assert (geometry.offset_x, geometry.offset_y) == (0, 5)
    assert tensor[0, :, 0, 0].tolist() == [114, 114, 114]
    assert tensor[0, :, 10, 10].tolist() == [255, 0, 0]
    tensor, _ = to_tensor(read_picture(path), replace(spec, resize=Resize.CROP))
    assert (tensor[0, 0] == 255).all()
