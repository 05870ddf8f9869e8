"""PaddleDetection exports: told the scale, they answer in pixels of the asset."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from desktop_app.worker.onnx.decoded import Rows, Space
from desktop_app.worker.onnx.families.base import (
    Array,
    Confidence,
    Decoded,
    Facts,
    Family,
    Geometry,
    Identification,
    Mapping,
    Resize,
    Task,
    Wanted,
    input_spec,
)
from desktop_app.worker.onnx.preprocessor_config import paddle


class PaddleDetection(Family):
    """`image`, `scale_factor` (, `im_shape`) -> rows of class, score, x1 y1 x2 y2, and their count."""

    name: ClassVar[str] = "paddle-detection"
    order: ClassVar[int] = 8

    def identify(self, facts: Facts) -> Identification | None:
        names = set(facts.graph.input_names)
        if facts.image is None or "scale_factor" not in names or not names <= {"image", "im_shape", "scale_factor"}:
            return None
        if len(facts.shape(0)) != 2 or facts.shape(0)[1] not in (6, -1):
            return None
        stated = paddle(facts)
        changes: dict[str, Any] = {"resize": Resize.STRETCH, **stated}
        why = ("it takes the scale as “scale_factor” and gives rows of class, score and box",)
        warnings = (
            () if stated else ("Scaling 0 to 1 is assumed (PP-YOLOE); infer_cfg.yml beside the model would say it.",)
        )
        output = {"format": "rows", "space": "asset", "class_count": 0, "suppression": False}
        sure = Confidence.CERTAIN if stated else Confidence.LIKELY
        return Identification(
            "paddle-detection", Task.DETECT, input_spec(facts, **changes), sure, why, (), output, warnings
        )

    def feeds(self, tensor: Array, geometry: Geometry, facts: Facts, spec: Any) -> dict[str, Array]:
        feeds = super().feeds(tensor, geometry, facts, spec)
        # With padding, the scale is that of the picture and not of the whole input.
        if "scale_factor" in feeds:
            row = np.array([[geometry.scale_y, geometry.scale_x]], dtype=feeds["scale_factor"].dtype)
            feeds["scale_factor"] = np.repeat(row, spec.batch, axis=0)
        return feeds

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        values = list(outputs.values())
        rows = np.asarray(values[0], dtype=np.float32)
        if len(values) > 1 and values[1].size:
            rows = rows[: int(values[1].reshape(-1)[0])]
        rows = rows[rows[:, 0] >= 0]
        # The graph divides by the scale; it is not told where the picture lies in the input.
        away = [geometry.offset_x / geometry.scale_x, geometry.offset_y / geometry.scale_y] * 2
        return Rows(
            rows[:, 2:6] - np.array(away, dtype=np.float32),
            rows[:, 1],
            rows[:, 0].astype(np.intp),
            space=Space.ASSET,
            suppressed=True,
        )
