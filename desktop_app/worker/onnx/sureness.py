"""How sure each part of an identification is, and where it comes from, in plain words.

What the person chose is no finding of ours: such a part is *chosen*, which says nothing of whether it is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from desktop_app.worker.onnx.classes import literal_names
from desktop_app.worker.onnx.facts import Facts
from desktop_app.worker.onnx.identify import cannot_be_checked
from desktop_app.worker.onnx.preprocessor_config import hugging_face, mmdeploy, paddle, roboflow, timm
from desktop_app.worker.onnx.spec import Confidence, Identification, Task

MATTERS = ("family", "task", "color", "scale", "mean_std", "resize", "output", "classes", "keypoints")
"""Parts that the overall confidence covers; the input's size, layout and dtype show themselves when it runs."""

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "color": ("color",),
    "scale": ("scale",),
    "mean_std": ("mean", "std"),
    "resize": ("resize",),
    "size": ("width", "height"),
}
_CHANNELS = (1, 3, 4)
_NAME_KEYS = ("names", "classes", "labels", "class_names")

Told = tuple[Confidence, str]

CHOSEN = "chosen"
"""In place of a confidence: the person's own choice."""
_CHANGED: Mapping[str, tuple[str, ...]] = {
    **_FIELDS,
    "layout": ("layout",),
    "color": ("color", "channels"),
    "scale": ("scale", "normalize"),
    "resize": ("resize", "pad", "crop_ratio", "longest", "multiple", "fill"),
}


def chosen_parts(overrides: Mapping[str, Any], classes: Iterable[str] | None = None) -> frozenset[str]:
    """The parts that a profile settles: its changes of what was found, and its class list."""
    given = overrides.get("input")
    changed = set(given) if isinstance(given, Mapping) else set()
    parts = {part for part, names in _CHANGED.items() if changed & set(names)}
    if isinstance(overrides.get("family"), str):
        parts.add("family")
    if isinstance(overrides.get("output"), Mapping) and overrides["output"]:
        parts.add("output")
    return frozenset(parts | {"classes"} if classes else parts)


def sureness(
    found: Identification, facts: Facts, untried: Identification, chosen: frozenset[str] = frozenset()
) -> dict[str, dict[str, str]]:
    """Of each part `{"confidence", "why"}`: family and task, and of a model that can be run also size, layout, dtype,
    color, scale, mean_std, resize, output, classes, and keypoints where it has them.

    The weakest of :data:`MATTERS` is the overall confidence, where nothing is :data:`CHOSEN`.

    Args:
        found: the identification that is shown.
        untried: the same before scalings and colour orders were tried out on a picture.
        chosen: parts that the person settled.
    """
    told: dict[str, Told] = {"family": _family(found), "task": _task(found, facts)}
    if found.task is not Task.UNSUPPORTED:
        told |= {"size": _size(found, facts), "layout": _layout(found, facts)}
        told["dtype"] = (Confidence.CERTAIN, "the graph's input says it")
        stated = _stated(facts)
        for part in ("color", "scale", "mean_std", "resize"):
            told[part] = _preparation(part, found, facts, untried, stated)
        told |= {"output": _output(found, facts), "classes": _classes(found, facts)}
        if found.keypoints or found.task is Task.POSE:
            told["keypoints"] = _keypoints(found, facts)
    parts = {part: {"confidence": str(sure), "why": why} for part, (sure, why) in told.items()}
    for part in chosen & set(parts):
        fits = "; the file's inputs and outputs allow it" if part == "family" else ""
        parts[part] = {"confidence": CHOSEN, "why": f"your own choice{fits}"}
    return parts


def _base(found: Identification) -> Confidence:
    """Of the family and what follows from it; a doubt that the family names itself does not touch it."""
    if found.input_settled:
        return Confidence.CERTAIN
    if found.confidence is Confidence.GUESS and found.assumed:
        return Confidence.LIKELY
    return found.confidence


def _habit(found: Identification) -> Confidence:
    """Of what every model of the family has, whatever else is open."""
    return Confidence.CERTAIN if found.input_settled else Confidence.LIKELY


def _family(found: Identification) -> Told:
    return _base(found), found.why[0] if found.why else "its inputs and outputs fit"


def _task(found: Identification, facts: Facts) -> Told:
    said = facts.metadata.get("task", "")
    if said and found.input_settled:
        return Confidence.CERTAIN, f"its metadata says task “{said[:40]}”"
    return _base(found), "it follows from the family and the outputs' names and shapes"


def _output(found: Identification, facts: Facts) -> Told:
    if "output" in found.assumed:
        return Confidence.GUESS, found.assumed["output"]
    ran = ", as a trial run gave them" if facts.sampled else ""
    return _habit(found), f"the names and shapes of its outputs{ran}, read as {found.family} means them"


def _size(found: Identification, facts: Facts) -> Told:
    spec, image = found.input, facts.image
    if image is not None and not image.dynamic and (spec.width, spec.height) == (image.width, image.height):
        return Confidence.CERTAIN, "the graph fixes it"
    name = _file_saying("size", found, _stated(facts))
    if name:
        return Confidence.CERTAIN, f"{name} beside it says so"
    if facts.metadata.get("imgsz", "").strip("[]() ").replace(" ", "") == f"{spec.height},{spec.width}":
        return Confidence.CERTAIN, "its metadata says so"
    if image is not None and (spec.width, spec.height) != (image.width, image.height):
        return Confidence.LIKELY, f"usual for {found.family}; the file leaves it open"
    ran = " and a trial run with it succeeded" if facts.sampled else ""
    return Confidence.GUESS, f"assumed: the file leaves it open{ran}"


def _layout(found: Identification, facts: Facts) -> Told:
    shape = next((item.shape for item in facts.inputs if item.name == found.input.name), ())
    dims = tuple(shape[-3:])
    ends = [dims[0] in _CHANNELS, dims[-1] in _CHANNELS] if len(dims) == 3 else []
    if ends.count(True) == 1:
        return Confidence.CERTAIN, "only one axis of the graph's input can be the colours"
    if all(ends) and ends:
        return Confidence.LIKELY, "two axes of the graph's input can be the colours; the usual order is taken"
    return Confidence.GUESS, "assumed: the graph leaves open which axis is the colours"


def _preparation(
    part: str,
    found: Identification,
    facts: Facts,
    untried: Identification,
    stated: Iterable[tuple[str, dict[str, Any]]],
) -> Told:
    spec = found.input
    if part == "color" and spec.channels == 1:
        return Confidence.CERTAIN, "the graph's input has one channel"
    if part in ("scale", "mean_std") and spec.dtype == "uint8":
        return Confidence.CERTAIN, "the graph's input takes bytes and scales them itself"
    if any(getattr(spec, name) != getattr(untried.input, name) for name in _FIELDS[part]):
        return Confidence.LIKELY, "tried out on the picture: the model is most confident so"
    name = _file_saying(part, found, stated)
    if name:
        return Confidence.CERTAIN, f"{name} beside it says so"
    if found.input_settled:
        return Confidence.CERTAIN, f"the file settles that it is {found.family}, whose pictures are always prepared so"
    if part in found.assumed:
        return Confidence.GUESS, found.assumed[part]
    if part in ("scale", "mean_std") and found.confidence is Confidence.GUESS and not found.assumed:
        return Confidence.GUESS, "assumed: nothing in the file or beside it says so"
    return Confidence.LIKELY, f"usual for {found.family}; the file does not say so"


def _stated(facts: Facts) -> list[tuple[str, dict[str, Any]]]:
    """What files beside the model say of its input, by file; what a reader filled in by custom is left out."""
    said = facts.sidecars.mapping
    face, own = hugging_face(facts), said("preprocessor_config.json")
    if "rescale_factor" not in own and "do_rescale" not in own:
        face.pop("scale", None)
    size = own.get("size")
    if isinstance(size, Mapping) and "longest_edge" in size and facts.image is not None and not facts.image.dynamic:
        face.pop("resize", None)
    pretrained = timm(facts)
    pretrained.pop("scale", None)
    config = said("config.json").get("pretrained_cfg")
    for values, source, names in ((face, own, ("image_mean", "image_std")), (pretrained, config, ("mean", "std"))):
        given = source if isinstance(source, Mapping) else {}
        if given.get("do_normalize", True) and not all(isinstance(given.get(name), list | tuple) for name in names):
            values.pop("mean", None)
    return [
        ("inference_config.json", roboflow(facts)),
        ("preprocessor_config.json", face),
        ("config.json", pretrained),
        ("infer_cfg.yml" if said("infer_cfg.yml") else "inference.yml", paddle(facts)),
        ("pipeline.json", mmdeploy(facts)),
    ]


def _file_saying(part: str, found: Identification, stated: Iterable[tuple[str, dict[str, Any]]]) -> str:
    """The file beside the model that says all of what is used; "" where none does."""
    used = {name: getattr(found.input, name) for name in _FIELDS[part]}
    for name, values in stated:
        if all(key in values and values[key] == value for key, value in used.items()):
            return name
    return ""


def _classes(found: Identification, facts: Facts) -> Told:
    if found.names_from == "sidecar":
        name = facts.sidecars.names_file
        if cannot_be_checked(found, facts):
            return Confidence.LIKELY, f"{name} beside it; whether it is this model's list cannot be checked"
        return Confidence.CERTAIN, f"{name} beside it names them"
    if found.names_from == "file":
        lists = [literal_names(facts.metadata.get(key, "")) for key in _NAME_KEYS]
        lists.append(tuple(facts.metadata.get("character", "").split("\n")))
        if found.classes in lists:
            return Confidence.CERTAIN, "its metadata names them"
        return _habit(found), f"models of {found.family} have no other"
    if found.names_from == "suggestion":
        return Confidence.LIKELY, "the file does not name them; so many are usually these"
    return Confidence.LIKELY, "the file does not name them; they are numbered until you give a list"


def _keypoints(found: Identification, facts: Facts) -> Told:
    if found.points_from == "sidecar":
        return Confidence.CERTAIN, "keypoints_metadata.json beside it names them"
    if found.points_from == "file":
        if facts.metadata.get("kpt_names"):
            return Confidence.CERTAIN, "its metadata names them"
        return _habit(found), f"models of {found.family} have no other"
    return Confidence.LIKELY, "the file does not name them; so many are usually these"
