"""Classifiers of the whole picture: torchvision, timm, Hugging Face, Paddle, Keras and the like."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from desktop_app.worker.onnx.classes import literal_names
from desktop_app.worker.onnx.decoded import Labels, sigmoid, softmax
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
    first,
    input_spec,
)
from desktop_app.worker.onnx.preprocessor_config import hugging_face, paddle, timm
from desktop_app.worker.onnx.spec import IMAGENET_MEAN, IMAGENET_STD

_EMBEDDING_SIZES = frozenset({64, 96, 128, 192, 256, 320, 384, 512, 768, 1024, 1280, 1536, 2048})
_SCORE_NAMES = ("logit", "prob", "softmax", "class", "pred", "score", "output_prob")


class Classifier(Family):
    """One output `[1, N]` or `[1, N, 1, 1]`, at least two wide."""

    name: ClassVar[str] = "classifier"
    order: ClassVar[int] = 70

    def identify(self, facts: Facts) -> Identification | None:
        if facts.image is None or len(facts.inputs) != 1 or len(facts.outputs) != 1:
            return None
        shape = facts.shape(0)
        if len(shape) not in (2, 4) or shape[1] < 2 or any(size != 1 for size in shape[2:]):
            return None
        count = shape[1]
        values = facts.values(0)
        soft = values is not None and bool(np.allclose(values.reshape(len(values), -1).sum(axis=1), 1, atol=1e-2))
        soft = soft and values is not None and bool((values >= 0).all())
        multi = facts.sidecars.mapping("config.json").get("problem_type") == "multi_label_classification"
        names = _file_names(facts, count)
        told = bool(names) or len(facts.sidecars.names) == count
        changes, stated = _inputs(facts)
        activation = "none" if soft else "sigmoid" if multi else "softmax"
        why = [f"its only output is one row of {count} numbers"]
        why.append("they add up to 1" if soft else "they are no shares: logits, of which softmax makes scores")
        why += ["it comes with that many class names"] if told else []
        why += ["a file beside it says how pictures are prepared"] if stated else []
        warnings = [] if stated else ["Scaling as for ImageNet is assumed; the file does not say it."]
        plausible = soft or told or any(word in facts.outputs[0].lower() for word in _SCORE_NAMES)
        if not plausible and count in _EMBEDDING_SIZES:
            warnings.append(f"{count} numbers may as well be an embedding.")
        sure = Confidence.LIKELY if plausible and (told or stated or count == 1000) else Confidence.GUESS
        output: dict[str, Any] = {
            "format": "scores",
            "activation": activation,
            "class_count": count,
            "multi_label": multi,
        }
        return Identification(
            "classifier", Task.CLASSIFY, input_spec(facts, **changes), sure, tuple(why), names, output, tuple(warnings)
        )

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        values = first(outputs)
        row = values.reshape(len(values), -1)[0]
        activation = found.output.get("activation")
        scores = softmax(row) if activation == "softmax" else sigmoid(row) if activation == "sigmoid" else row
        return Labels(scores, multi=bool(found.output.get("multi_label")))


def _file_names(facts: Facts, count: int) -> tuple[str, ...]:
    names = tuple(facts.metadata.get("character", "").split("\n"))
    if len(names) == count:
        return names
    for key in ("names", "classes", "labels"):
        names = literal_names(facts.metadata.get(key, ""))
        if len(names) == count:
            return names
    return ()


def _inputs(facts: Facts) -> tuple[dict[str, Any], bool]:
    stated = hugging_face(facts) or timm(facts) or paddle(facts)
    if stated:
        return {"resize": Resize.STRETCH, **stated}, True
    changes: dict[str, Any] = {"resize": Resize.CROP, "crop_ratio": 0.875, "mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    if facts.image is not None and facts.image.dynamic:
        changes |= {"width": 224, "height": 224}
    return changes, False
