"""Models that look like picture models and give no annotations: named, with the reason."""

from __future__ import annotations

from typing import ClassVar

from desktop_app.worker.onnx.families.base import (
    Array,
    Confidence,
    Decoded,
    Facts,
    Family,
    Geometry,
    Identification,
    Mapping,
    Task,
    Wanted,
    input_spec,
)
from desktop_app.worker.onnx.families.classifier import Classifier
from desktop_app.worker.onnx.spec import InputSpec

_CALLBACK = "Wrap it in a Python callback if it is a step of something that annotates."
_EMBEDDING = ("embed", "feature", "pooler_output", "last_hidden_state", "image_embeds")
_PROMPTS = frozenset({"point_coords", "point_labels", "mask_input", "image_embeddings", "input_points", "input_boxes"})
_TEXT = frozenset({"input_ids", "attention_mask", "token_type_ids", "decoder_input_ids"})


class Declined(Family):
    """Embeddings, super-resolution, filters, text recognisers, depth, landmarks and pipelines of several inputs."""

    name: ClassVar[str] = "declined"
    order: ClassVar[int] = 40

    def identify(self, facts: Facts) -> Identification | None:
        reason = _reason(facts)
        if reason is None:
            return None
        what, why, sure = reason
        image = facts.image
        first = facts.inputs[0] if facts.inputs else None
        spec = (
            input_spec(facts)
            if image is not None
            else InputSpec(first.name if first else "", 0, 0, dtype=first.dtype if first else "float32")
        )
        output = {"kind": what}
        return Identification(
            "declined", Task.UNSUPPORTED, spec, sure, (f"it is {what}: {why}",), (), output, (_CALLBACK,)
        )

    def decode(
        self, outputs: Mapping[str, Array], geometry: Geometry, wanted: Wanted, found: Identification
    ) -> Decoded:
        raise ValueError("a declined model has nothing to decode")


def _reason(facts: Facts) -> tuple[str, str, Confidence] | None:
    inputs, likely = set(facts.graph.input_names), Confidence.LIKELY
    if inputs & _PROMPTS:
        return "a part of a segmenter with prompts", "it takes points or an embedding, not only a picture", likely
    if inputs & _TEXT:
        return "a model of text", "it takes tokens", likely
    pictures = [item for item in facts.inputs if item.rank == 4]
    if len(pictures) > 1:
        return "a pipeline of several inputs", f"it takes {len(pictures)} pictures or maps at once", likely
    if facts.image is None:
        if any(item.rank == 4 for item in facts.inputs):
            return None
        return "no model of pictures", "none of its inputs can be a picture", likely
    return _by_outputs(facts)


def _by_outputs(facts: Facts) -> tuple[str, str, Confidence] | None:
    image, shapes, likely = facts.image, facts.shapes(), Confidence.LIKELY
    if image is None or not shapes:
        return None
    name, shape = facts.outputs[0].lower(), shapes[0]
    if "depth" in name or "disparity" in name:
        return "a depth model", f"its output is called {facts.outputs[0]}", likely
    if "landmark" in name and len(shape) <= 3:
        return "a landmark regressor", "it expects one object that was cut out before", likely
    dictionary = len(facts.metadata.get("character", "")) > 0 and len(shape) == 3
    if len(shapes) == 1 and len(shape) == 3 and shape[0] >= 1 and (dictionary or _reads_text(facts, shape)):
        return "a text recogniser", "it gives a sequence of characters for one line of text", likely
    if any(word in name for word in _EMBEDDING) and "seg" not in name:
        return "an embedding", f"its output “{facts.outputs[0]}” describes the picture, it does not label it", likely
    if len(shapes) == 1 and len(shape) == 4 and shape[1] in (1, 3):
        factor = shape[2] / max(image.height, 1)
        if factor in (2, 3, 4, 8):
            return "super-resolution", f"its output is the picture at {factor:g} times the size", likely
        if shape[1] == 3 and factor == 1 and len(facts.sidecars.names) != 3:
            return "a filter", "its output is a picture of the same size", likely
    if len(shapes) == 1 and len(shape) == 2 and shape[1] == 1:
        return "a model of one number", "a score or measure, without classes", likely
    guess = Classifier().identify(facts) if len(shapes) == 1 and len(shape) == 2 else None
    if guess is not None and any("embedding" in warning for warning in guess.warnings):
        return "probably an embedding", f"{shape[1]} numbers without names or scores", likely
    return None


def _reads_text(facts: Facts, shape: tuple[int, ...]) -> bool:
    """One line of fixed height, an open width, and a long alphabet at every step."""
    image = facts.image
    fact = next((item for item in facts.inputs if image is not None and item.name == image.name), None)
    if image is None or fact is None or fact.rank != 4:
        return False
    return image.height in (32, 48, 64) and fact.fixed(3) is None and shape[2] > 36
