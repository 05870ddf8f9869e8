"""Asks every family what a file is, and completes the answer with class names and the user's corrections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from desktop_app.core.errors import ModelLoadError
from desktop_app.worker.onnx.classes import default_names, literal_names, suggestion
from desktop_app.worker.onnx.facts import Facts, describe_shapes
from desktop_app.worker.onnx.families import all_families, family
from desktop_app.worker.onnx.preprocessor_config import roboflow
from desktop_app.worker.onnx.spec import Confidence, Identification, InputSpec, Task

_EXPORTERS_OWN = frozenset({"infer_cfg.yml", "config.json"})
"""Files that the exporter writes for this one model; other lists may lie beside it by chance."""


def identify_facts(facts: Facts, *, only: str | None = None) -> Identification:
    """The surest identification; of equally sure ones that of the family asked first.

    Args:
        only: name of the family the user chose.

    Raises:
        ModelLoadError: the chosen family is unknown or the file has not its signs.
    """
    if only is not None:
        return _forced(facts, only)
    best: Identification | None = None
    for item in all_families():
        found = item.identify(facts)
        if found is not None and (best is None or found.confidence.rank < best.confidence.rank):
            best = found
            if best.confidence is Confidence.CERTAIN:
                break
    if best is None:
        best = _unknown(facts)
    return complete(best, facts)


def candidates(facts: Facts) -> tuple[str, ...]:
    """Names of all families that a file can be read as, the surest first; those that decline it are none."""
    found = [(item.name, item.identify(facts)) for item in all_families()]
    usable = [
        (one.confidence.rank, name) for name, one in found if one is not None and one.task is not Task.UNSUPPORTED
    ]
    return tuple(name for _, name in sorted(usable, key=lambda pair: pair[0]))


def _forced(facts: Facts, name: str) -> Identification:
    chosen = family(name)
    if chosen is None:
        raise ModelLoadError(
            f"There is no model family “{name}”",
            where="overrides.family",
            remedy=f"Use one of {', '.join(item.name for item in all_families())}.",
        )
    found = chosen.identify(facts)
    if found is None:
        raise ModelLoadError(
            f"The file has not the inputs and outputs of the family “{name}”",
            where=facts.graph.path.name,
            remedy="Let the family be found automatically, or choose another.",
        )
    return complete(found, facts)


def complete(found: Identification, facts: Facts) -> Identification:
    """Adds class names where the family gave none, and what the file's reading turned up."""
    warnings = [*found.warnings, *facts.graph.repairs, *facts.sidecars.warnings]
    if facts.dry_error and found.task is not Task.UNSUPPORTED:
        warnings.append(f"A trial run did not succeed: {facts.dry_error.strip().splitlines()[0][:200]}")
    output = {**describe(facts), **found.output}
    stated = roboflow(facts)
    if stated:
        why = (*found.why, "inference_config.json beside it says how pictures are prepared")
        found = replace(found, input=replace(found.input, **stated), why=why)
    if found.task is Task.UNSUPPORTED:
        return replace(found, warnings=tuple(dict.fromkeys(warnings)), output=output)
    count = int(found.output.get("class_count", 0) or 0)
    classes, source = found.classes, found.names_from
    if not classes:
        classes, source = _names(facts, count, found.task, warnings)
    elif count and len(classes) != count:
        warnings.append(f"The file names {len(classes)} classes but its output has {count}.")
        classes, source = (*classes[:count], *default_names(count)[len(classes) :]), "numbers"
    found = replace(found, classes=classes, names_from=source, warnings=tuple(dict.fromkeys(warnings)), output=output)
    return _no_surer_than_its_names(found, facts)


def _no_surer_than_its_names(found: Identification, facts: Facts) -> Identification:
    """*Certain* covers all that is shown, class and key-point names too: with assumed names it is only *likely*."""
    if found.confidence is not Confidence.CERTAIN:
        return found
    assumed = []
    loose = cannot_be_checked(found, facts)
    if found.names_from in ("suggestion", "numbers") or loose:
        assumed.append("class")
    if found.task is Task.POSE and found.points_from in ("suggestion", "numbers"):
        assumed.append("key-point")
    settled = replace(found, input_settled=True)
    if not assumed:
        return settled
    names = " and ".join(assumed)
    why = (
        f"family and input are settled; whether {facts.sidecars.names_file} is its class list cannot be checked"
        if loose
        else f"family and input are settled by the file; its {names} names are not in it"
    )
    return replace(settled, confidence=Confidence.LIKELY, why=(*found.why, why))


def cannot_be_checked(found: Identification, facts: Facts) -> bool:
    """Whether the class names are of a list that lies beside the file and no count in the file confirms."""
    counted = int(found.output.get("class_count", 0) or 0) > 0
    return found.names_from == "sidecar" and not counted and facts.sidecars.names_file not in _EXPORTERS_OWN


def describe(facts: Facts) -> dict[str, Any]:
    """The outputs' names and shapes, for people."""
    return {"tensors": describe_shapes(facts)}


def _names(facts: Facts, count: int, task: Task, warnings: list[str]) -> tuple[tuple[str, ...], str]:
    beside = facts.sidecars.names
    if beside:
        if not count or len(beside) == count:
            return beside, "sidecar"
        warnings.append(f"{facts.sidecars.names_file} names {len(beside)} classes but the model has {count}.")
    for key in ("names", "classes", "labels", "class_names"):
        names = literal_names(facts.metadata.get(key, ""))
        if names and (not count or len(names) == count):
            return names, "file"
    suggested = suggestion(count, task)
    if suggested is not None:
        warnings.append(f"The file names no classes; {count} of them suggest {suggested[0]}. Check the names.")
        return suggested[1], "suggestion"
    if count:
        if count == 1 and task is not Task.CLASSIFY:
            return ("object",), "numbers"
        known = {1000: " (so many suggest ImageNet)", 150: " (so many suggest ADE20K)"}.get(count, "")
        warnings.append(f"The file names no classes{known}; they are numbered until you give a list.")
        return default_names(count), "numbers"
    warnings.append("The file does not say how many classes it has; they are numbered until you give a list.")
    return (), "numbers"


def _unknown(facts: Facts) -> Identification:
    spec = _any_input(facts)
    shown = ", ".join(item.text() for item in facts.graph.outputs[:4])
    why = (f"none of the known families has these outputs: {shown}",)
    remedy = ("Choose the family by hand, or wrap the model in a Python callback.",)
    return Identification("unknown", Task.UNSUPPORTED, spec, Confidence.LIKELY, why, warnings=remedy)


def _any_input(facts: Facts) -> InputSpec:
    """A description of the first input for files whose input is no picture."""
    if facts.image is not None:
        from desktop_app.worker.onnx.families.base import input_spec

        return input_spec(facts)
    inputs = facts.inputs
    name, dtype = (inputs[0].name, inputs[0].dtype) if inputs else ("", "float32")
    return InputSpec(name, 0, 0, dtype=dtype)


def corrected(found: Identification, overrides: Mapping[str, Any]) -> Identification:
    """The identification with what the user changed in the profile.

    Raises:
        ModelLoadError: an override that does not exist or does not fit.
    """
    changes: dict[str, Any] = {}
    given = overrides.get("input")
    if isinstance(given, Mapping):
        changes["input"] = found.input.overridden(given)
    output = overrides.get("output")
    if isinstance(output, Mapping):
        changes["output"] = {**found.output, **output}
    task = overrides.get("task")
    if isinstance(task, str) and task != found.task:
        raise ModelLoadError(
            f"The model's task is “{found.task}”, the profile says “{task}”",
            where="overrides.task",
            remedy="Remove the task from the profile's changes.",
        )
    return replace(found, **changes) if changes else found


def named(found: Identification, classes: tuple[str, ...] | None) -> Identification:
    """The identification with the profile's class list.

    Raises:
        ModelLoadError: the list has another length than the model's output.
    """
    if not classes:
        return found
    count = int(found.output.get("class_count", 0) or 0)
    if count and len(classes) != count:
        raise ModelLoadError(
            f"The class list has {len(classes)} names, the model has {count} classes",
            where="classes",
            remedy="Correct the list; its order is the model's.",
        )
    return replace(found, classes=tuple(classes), names_from="profile")


def declined(found: Identification, where: str) -> ModelLoadError:
    """Why a model cannot answer jobs, as an error."""
    reason = found.why[0] if found.why else "it is no annotation model"
    remedy = found.warnings[0] if found.warnings else "Use a detector, segmenter, pose model or classifier."
    return ModelLoadError(f"The model gives no annotations: {reason}", where=where, remedy=remedy)
