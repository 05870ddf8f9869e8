"""Exports of the `ultralytics` package: v3u to 26, RT-DETR, every task; with its metadata or without."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from desktop_app.worker.onnx.classes import literal_names
from desktop_app.worker.onnx.decoded import (
    Areas,
    Labels,
    Masks,
    Rows,
    Space,
    best_class,
    centre_to_corners,
)
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
from desktop_app.worker.onnx.known_names import body_points

_STRIDES = ((8, 16, 32), (16, 32), (4, 8, 16, 32), (8, 16, 32, 64))
_MASKS = 32


@dataclass(frozen=True)
class _Layout:
    """How the columns of the first output are meant."""

    form: str
    classes: int
    extra: int
    masks: int = 0


class Ultralytics(Family):
    """See the module."""

    name: ClassVar[str] = "ultralytics"
    order: ClassVar[int] = 10

    def identify(self, facts: Facts) -> Identification | None:
        if facts.image is None or not facts.image.layout.startswith("n"):
            return None
        task = facts.metadata.get("task", "")
        names = literal_names(facts.metadata.get("names", ""))
        if names and "stride" in facts.metadata and task:
            return _from_metadata(facts, task, names)
        return _from_shapes(facts, names)

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        values = list(outputs.values())
        form = str(found.output["format"])
        if form == "probabilities":
            return Labels(values[0].reshape(values[0].shape[0], -1)[0])
        if form == "class-map":
            return Areas(values[0].reshape(values[0].shape[-2:]).astype(np.int64))
        nc, extra = int(found.output["class_count"]), int(found.output.get("extra", 0))
        table = np.asarray(values[0], dtype=np.float32)[0]
        if form == "anchor-free":
            table = table if bool(found.output.get("transposed")) else table.T
            table = table[table[:, 4 : 4 + nc].max(axis=1, initial=0) >= wanted.floor]
            scores, classes = best_class(table[:, 4 : 4 + nc])
            boxes, rest = table[:, :4], table[:, 4 + nc :]
        elif form == "queries":
            scores, classes = best_class(table[:, 4 : 4 + nc])
            boxes, rest = table[:, :4], table[:, 4 + nc :]
        else:  # rows of box, score, class
            scores, classes = table[:, 4], table[:, 5].astype(np.intp)
            boxes, rest = table[:, :4], table[:, 6 : 6 + extra]
        space = Space(str(found.output.get("space", "input")))
        rotated = np.concatenate([boxes, rest[:, :1]], axis=1) if found.task is Task.OBB else None
        return Rows(
            boxes=centre_to_corners(boxes) if found.output["boxes"] == "cxcywh" else boxes,
            scores=scores,
            classes=classes,
            rotated=rotated,
            points=_points(rest, found) if found.task is Task.POSE else None,
            masks=_masks(rest, values[1][0]) if found.task is Task.SEGMENT else None,
            space=space,
            suppressed=form != "anchor-free",
        )


def _from_metadata(facts: Facts, task: str, names: tuple[str, ...]) -> Identification | None:
    spec = input_spec(facts)
    meta = facts.metadata
    why = [f"its metadata says task “{task}” and holds {len(names)} class names"]
    if meta.get("description"):
        why.append(f"its metadata describes it as “{meta['description'][:80]}”")
    certain = Confidence.CERTAIN
    if task == "classify":
        spec = input_spec(facts, resize=Resize.CROP)
        output = {"format": "probabilities", "class_count": len(names)}
        return Identification("ultralytics", Task.CLASSIFY, spec, certain, tuple(why), names, output)
    if task == "depth":
        why.append("depth maps hold no annotations")
        return Identification("ultralytics", Task.UNSUPPORTED, spec, certain, tuple(why), ())
    if task == "semantic":
        output = {"format": "class-map", "class_count": len(names)}
        return Identification("ultralytics", Task.SEMANTIC, spec, certain, tuple(why), names, output)
    kind = {"detect": Task.DETECT, "segment": Task.SEGMENT, "pose": Task.POSE, "obb": Task.OBB}.get(task)
    if kind is None or not facts.outputs:
        return None
    kpt_shape = _ints(meta.get("kpt_shape", ""))
    extra = {Task.SEGMENT: _mask_count(facts), Task.OBB: 1, Task.POSE: int(np.prod(kpt_shape)) if kpt_shape else 0}
    layout = _layout(facts, kind, len(names), extra.get(kind, 0))
    if layout is None:
        return None
    return _detection(facts, kind, layout, names, certain, why, kpt_shape)


def _layout(facts: Facts, task: Task, nc: int, extra: int) -> _Layout | None:
    """Which of the forms has the first output's shape, given class count and extra columns."""
    shape = facts.shape(0)
    if len(shape) != 3:
        return None
    rows, columns = shape[1], shape[2]
    plain, listed = 4 + nc + extra, 6 + extra
    said = facts.metadata.get("end2end", "").strip().lower() == "true"
    queries = facts.metadata.get("head", "") == "RTDETRDecoder" or _is_transformer(facts)
    if queries and task is Task.DETECT:
        # With two classes both forms have six columns; the newer one has picked the best queries already.
        if columns == 6 and (nc != 2 or _picked_inside(facts)):
            return _Layout("query-rows", nc, 0)
        return _Layout("queries", nc, 0) if columns == 4 + nc else None
    if columns == listed and (said or rows != plain):
        return _Layout("rows", nc, extra)
    if rows == plain:
        return _Layout("anchor-free", nc, extra)
    return _Layout("anchor-free transposed", nc, extra) if columns == plain else None


def _detection(
    facts: Facts,
    task: Task,
    layout: _Layout,
    names: tuple[str, ...],
    sure: Confidence,
    why: list[str],
    kpt_shape: tuple[int, ...] = (),
) -> Identification:
    transposed = layout.form.endswith("transposed")
    form = layout.form.removesuffix(" transposed")
    centred = form in ("anchor-free", "queries", "query-rows") or task is Task.OBB
    boxes = "cxcywh" if centred else "xyxy"
    unit = form in ("queries", "query-rows") or _is_normalised(facts, transposed or form == "rows")
    spec = input_spec(facts, resize=Resize.STRETCH if form in ("queries", "query-rows") else Resize.LETTERBOX)
    told = {
        "anchor-free": "its output has one column per anchor: box and class scores, without objectness",
        "rows": "its output lists finished boxes with score and class",
        "queries": "its output has one row per query: box and class scores",
        "query-rows": "its output lists the best queries with score and class",
    }
    output: dict[str, Any] = {
        "format": form,
        "boxes": boxes,
        "space": "unit" if unit else "input",
        "class_count": layout.classes,
        "extra": layout.extra,
        "transposed": transposed,
        "suppression": form == "anchor-free",
    }
    points: tuple[str, ...] = ()
    points_from = "file"
    if task is Task.POSE:
        dims = kpt_shape if len(kpt_shape) == 2 else _guess_points(layout.extra)
        output["keypoint_shape"] = list(dims)
        points, points_from = _point_names(facts, dims[0])
    reasons = (*why, told[form])
    return Identification(
        "ultralytics", task, spec, sure, reasons, names, output, keypoints=points, points_from=points_from
    )


def _from_shapes(facts: Facts, names: tuple[str, ...]) -> Identification | None:
    """Without the task in the metadata: by which axis counts the anchors."""
    shape = facts.shape(0) if facts.outputs else ()
    known = names and "stride" in facts.metadata
    if len(shape) == 2 and known and len(facts.outputs) == 1 and shape[1] == len(names):
        values = facts.values(0)
        if values is not None and np.allclose(values.sum(axis=1), 1, atol=1e-2):
            spec = input_spec(facts, resize=Resize.CROP)
            output = {"format": "probabilities", "class_count": len(names)}
            reasons = ("its metadata holds class names and a stride", "its scores add up to 1")
            return Identification("ultralytics", Task.CLASSIFY, spec, Confidence.LIKELY, reasons, names, output)
        return None
    if len(shape) != 3 or len(facts.outputs) > 2:
        return None
    if facts.graph.input_names != (facts.image_name,):
        return None
    if _is_transformer(facts):
        return _from_queries(facts, names if known else (), shape)
    masks = _mask_count(facts)
    if len(facts.outputs) == 2 and not masks:
        return None
    rows, columns = shape[1], shape[2]
    counts = [facts.anchors(strides) for strides in _STRIDES]
    named = facts.image is not None and facts.image.name == "images" and facts.outputs[0] == "output0"
    sure = Confidence.CERTAIN if known and named else Confidence.LIKELY
    if columns in counts and rows >= 5 + masks and rows != columns:
        task, extra = _guess_task(facts, masks, len(names) if known else 0)
        why = [f"its {columns} columns are the anchors of strides 8 to 32, its {rows} rows leave no objectness"]
        if known:
            why.insert(0, f"its metadata holds {len(names)} class names")
            if rows - 4 - extra != len(names):
                return None
        nc = rows - 4 - extra
        sure = sure if task in (Task.DETECT, Task.SEGMENT) else Confidence.LIKELY
        return _detection(facts, task, _Layout("anchor-free", nc, extra), names if known else (), sure, why)
    return _from_rows(facts, names if known else (), masks, rows, columns)


def _from_queries(facts: Facts, names: tuple[str, ...], shape: tuple[int, ...]) -> Identification | None:
    """RT-DETR without its metadata: `[1, Q, 4 + nc]`, or `[1, Q, 6]` with the best queries picked by a second TopK."""
    queries, columns = shape[1], shape[2]
    if len(facts.outputs) != 1 or not 50 <= queries <= 1000 or columns < 5:
        return None
    picked = columns == 6 and _picked_inside(facts)
    layout = _Layout("query-rows", len(names), 0) if picked else _Layout("queries", columns - 4, 0)
    seen = "it samples features with GridSample" if facts.graph.ops_known else "its boxes are shares of the picture"
    why = [f"{seen} and it gives one row per query, as RT-DETR does"]
    return _detection(facts, Task.DETECT, layout, names, Confidence.LIKELY, why)


def _from_rows(facts: Facts, names: tuple[str, ...], masks: int, rows: int, columns: int) -> Identification | None:
    """Finished boxes without metadata: `[1, n, 6]`, and 7 columns, 6 + K·d or 38 with prototypes."""
    extra = columns - 6
    listed = facts.graph.has("NonMaxSuppression") or _picked_inside(facts)
    if not listed or extra < 0 or rows == facts.anchors() or not 1 <= rows <= 1000:
        return None
    what = "suppression inside the graph" if facts.graph.ops_known else "whole numbers in the sixth of them"
    why = [f"its {columns} columns and the {what} mean finished boxes"]
    sure, task = Confidence.LIKELY, Task.DETECT
    if masks:
        if extra != masks:
            return None
        task = Task.SEGMENT
    elif extra == 1:
        task = Task.OBB
        why.append("the seventh column is an angle")
    elif extra:
        if extra % 3 and extra % 2:
            return None
        task = Task.POSE
        sure = Confidence.LIKELY if extra in (51, 34) else Confidence.GUESS
        why.append(f"the {extra} columns after the class are key points")
    return _detection(facts, task, _Layout("rows", len(names), extra), names, sure, why)


def _guess_task(facts: Facts, masks: int, names: int) -> tuple[Task, int]:
    if masks:
        return Task.SEGMENT, masks
    rows = facts.shape(0)[1]
    if names and rows == 4 + names:
        return Task.DETECT, 0
    if rows > 5 and {"Sin", "Cos"} <= set(facts.graph.ops):
        return Task.OBB, 1  # only boxes that are turned need them
    values = facts.values(0)
    if values is None or facts.image is None:
        return Task.DETECT, 0
    table: Array = np.asarray(values[0], dtype=np.float32)
    scores = np.asarray(((table >= 0) & (table <= 1)).all(axis=1))
    within = table[-1].min() >= -0.85 and table[-1].max() <= 2.45
    # On noise no class is seen everywhere; an angle is there for every anchor.
    everywhere = rows > 6 and table[-1].mean() > 0.2 and table[4:-1].mean(axis=1).max() < 0.05
    if rows > 5 and within and (not scores[-1] or everywhere):
        return Task.OBB, 1
    # Key points span pixels; their visibilities between them look like scores.
    if rows > 7 and not scores[5:].all():
        first = 5 + int(np.flatnonzero(~scores[5:])[0])
        nc = first - 4
        if (rows - first) % 2 == 0 or (rows - first) % 3 == 0:
            return Task.POSE, rows - 4 - nc
    return Task.DETECT, 0


def _mask_count(facts: Facts) -> int:
    """Channels of the prototypes, 0 without such an output."""
    if len(facts.outputs) != 2:
        return 0
    shape = facts.shape(1)
    if len(shape) == 4 and facts.image is not None and shape[2] * 4 == facts.image.height:
        return shape[1]
    return _MASKS if len(shape) == 4 and shape[1] in (_MASKS, -1) else 0


def _is_transformer(facts: Facts) -> bool:
    if facts.graph.ops_known:
        return "GridSample" in facts.graph.ops
    shape = facts.shape(0) if facts.outputs else ()
    return len(shape) == 3 and 50 <= shape[1] <= 1000 and shape[2] >= 5 and _is_normalised(facts, True)


def _picked_inside(facts: Facts) -> bool:
    """Whether the model itself picks the best boxes, so that the sixth column is a class's number."""
    if facts.graph.ops_known:
        return facts.graph.ops["TopK"] >= 2
    values = facts.values(0)
    if values is None or values.ndim != 3 or values.shape[2] < 6:
        return False
    scores, classes = values[0, :, 4], values[0, :, 5]
    return bool(((scores >= 0) & (scores <= 1)).all() and (classes == np.rint(classes)).all() and classes.min() >= 0)


def _is_normalised(facts: Facts, rows_first: bool) -> bool:
    values = facts.values(0)
    if values is None or values.size == 0:
        return False
    table = values[0] if rows_first else values[0].T
    boxes = np.abs(table[:, :4])
    return bool(0 < boxes.max() <= 2)


def _guess_points(extra: int) -> tuple[int, int]:
    return (extra // 3, 3) if extra % 3 == 0 else (extra // 2, 2)


def _point_names(facts: Facts, count: int) -> tuple[tuple[str, ...], str]:
    """The key points' names and where they come from."""
    text = facts.metadata.get("kpt_names", "")
    try:
        value = ast.literal_eval(text) if text else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if isinstance(value, dict):
        value = next(iter(value.values()), None)
    if isinstance(value, list | tuple) and len(value) == count:
        return tuple(str(item) for item in value), "file"
    named = _roboflow_points(facts.sidecars.files.get("keypoints_metadata.json"))
    if len(named) == count:
        return named, "sidecar"
    return body_points(count), "suggestion"


def _roboflow_points(value: Any) -> tuple[str, ...]:
    """Key-point names of Roboflow's packages: `[{"object_class_id": 0, "keypoints": {"0": "nose", …}}, …]`."""
    first = value[0] if isinstance(value, list) and value else None
    points = first.get("keypoints") if isinstance(first, dict) else None
    if not isinstance(points, dict) or set(points) != {str(index) for index in range(len(points))}:
        return ()
    return tuple(str(points[str(index)]) for index in range(len(points)))


def _points(rest: Array, found: Identification) -> Array:
    shape = found.output["keypoint_shape"]
    count, width = int(shape[0]), int(shape[1])
    points = rest[:, : count * width].reshape(len(rest), count, width)
    if width == 2:
        points = np.concatenate([points, np.ones((*points.shape[:2], 1), dtype=points.dtype)], axis=2)
    return points


def _masks(coefficients: Array, prototypes: Array) -> Masks:
    count, height, width = prototypes.shape
    flat = np.asarray(prototypes, dtype=np.float32).reshape(count, -1)
    return Masks(lambda row: (coefficients[row, :count] @ flat).reshape(height, width))


def _ints(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))
