"""Where asset pixels lie in the input tensor, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from desktop_app.worker.onnx.spec import Array, InputSpec, Resize


@dataclass(frozen=True, slots=True)
class Geometry:
    """`input = asset · scale + offset`, per axis, in continuous pixels (the first pixel spans 0…1).

    Attributes:
        asset_width, asset_height: of the upright asset.
        width, height: of the input tensor.
        picture_width, picture_height: size the whole asset was resampled to, before cutting or padding.
        offset_x, offset_y: of that picture in the tensor, in input pixels; negative where it was cropped.
    """

    asset_width: int
    asset_height: int
    width: int
    height: int
    picture_width: int
    picture_height: int
    offset_x: int = 0
    offset_y: int = 0

    @property
    def picture_size(self) -> tuple[int, int]:
        """Width and height that the whole asset is resampled to."""
        return self.picture_width, self.picture_height

    @property
    def scale_x(self) -> float:
        """Input pixels per asset pixel."""
        return self.picture_width / self.asset_width

    @property
    def scale_y(self) -> float:
        """Input pixels per asset pixel."""
        return self.picture_height / self.asset_height

    def points_to_asset(self, points: Array) -> Array:
        """Maps an array whose last axis is (x, y) from input pixels to asset pixels."""
        scale = np.array([self.scale_x, self.scale_y], dtype=np.float64)
        offset = np.array([self.offset_x, self.offset_y], dtype=np.float64)
        return (np.asarray(points, dtype=np.float64) - offset) / scale

    def boxes_to_asset(self, boxes: Array) -> Array:
        """Maps x1 y1 x2 y2 rows from input pixels to asset pixels."""
        boxes = np.asarray(boxes, dtype=np.float64)
        return self.points_to_asset(boxes.reshape(-1, 2, 2)).reshape(boxes.shape)


def plan(spec: InputSpec, asset_width: int, asset_height: int) -> Geometry:
    """How an upright asset of this size is brought to the input the model takes."""
    width, height = spec.width, spec.height
    if spec.resize is Resize.STRETCH:
        return Geometry(asset_width, asset_height, width, height, width, height)
    if spec.resize is Resize.CROP:
        # torchvision's Resize truncates the longer side, and its CenterCrop rounds the margin half down.
        short = max(width, height) / spec.crop_ratio
        ratio = short / min(asset_width, asset_height)
        pw, ph = max(width, int(asset_width * ratio + 1e-6)), max(height, int(asset_height * ratio + 1e-6))
        return Geometry(asset_width, asset_height, width, height, pw, ph, -((pw - width) // 2), -((ph - height) // 2))
    if spec.resize is Resize.SHORTEST:
        ratio = min(width, height) / min(asset_width, asset_height)
        ratio = min(ratio, spec.longest / max(asset_width, asset_height))
        return _free(spec, asset_width, asset_height, ratio)
    ratio = min(width / asset_width, height / asset_height)
    if spec.resize is Resize.FIT:
        return _free(spec, asset_width, asset_height, ratio)
    ratio *= spec.fill
    pw, ph = max(1, round(asset_width * ratio)), max(1, round(asset_height * ratio))
    if spec.resize is Resize.TOPLEFT:
        return Geometry(asset_width, asset_height, width, height, pw, ph)
    return Geometry(asset_width, asset_height, width, height, pw, ph, (width - pw) // 2, (height - ph) // 2)


def _free(spec: InputSpec, asset_width: int, asset_height: int, ratio: float) -> Geometry:
    pw, ph = max(1, round(asset_width * ratio)), max(1, round(asset_height * ratio))
    step = spec.multiple
    return Geometry(asset_width, asset_height, -(-pw // step) * step, -(-ph // step) * step, pw, ph)
