"""From a prediction to an answer, and to the exact response in the shape that a generation of the client sends.

Facts: `facts/hub-protocol` (What the callback gets, The outcome, HTTP API) and `facts/annotation-format`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from desktop_app.core.check import check_answer
from desktop_app.core.config import read_config
from desktop_app.core.errors import AnswerError
from desktop_app.core.job import Job
from desktop_app.core.mapping import ClassMapping
from desktop_app.core.merge import merge
from desktop_app.core.notes import Notes
from desktop_app.core.plain import plain, without_non_finite
from desktop_app.core.prediction import Prediction
from desktop_app.core.profile import AnswerFormat

PARTS = ("objects", "classifications", "relations")
MASKS = ("brushDataUrl", "medicalBrushDataUrl")

_NOT_SHAPES = frozenset({"class", "index", "score", "points", "metadata"})


@dataclass(frozen=True, slots=True)
class Built:
    """An answer, ready to be delivered.

    Attributes:
        answer: `{"objects", "classifications", "relations"}`, what the window draws; None for kinds of plugins
            that answer with a message.
        response: the value of the `response` event's key of that name.
        body: the body of `POST /v2/annotate/{taskId}` for workflow jobs.
        is_plugin: whether that call carries `isPlugin=true`.
        export: whether the response is the address of an exported file.
        notes: what was repaired, warned about or dropped, one sentence each.
        dropped: how many predictions were left out.
        counted: how many annotations were made that are not in `answer`.
    """

    answer: dict[str, Any] | None
    response: Any
    body: dict[str, Any] = field(default_factory=dict)
    is_plugin: bool = True
    export: bool = False
    notes: tuple[str, ...] = ()
    dropped: int = 0
    counted: int = 0

    @property
    def objects(self) -> int:
        """How many annotations the answer holds."""
        return sum(len(self.answer[part]) for part in PARTS[:2]) if self.answer else self.counted


def build_answer(
    prediction: Prediction,
    job: Job,
    answer_format: AnswerFormat = AnswerFormat.AUTO,
    existing: dict[str, Any] | None = None,
    *,
    mapping: ClassMapping | None = None,
) -> Built:
    """Checks, maps and formats what a model gave.

    Args:
        existing: the task's present answer, to be kept (`overwrite: false`), or None.
        mapping: replaces the job's class mapping (for `plugdeck test`).

    Raises:
        AnswerError: it cannot be an answer; names the field.
    """
    if prediction.kind != "model":
        remarks = Notes()
        told = _clean(prediction.returned, remarks)
        notes = (*prediction.notes, *remarks.repairs)
        return Built(None, told, export=prediction.kind == "export", notes=notes, counted=prediction.objects)
    if prediction.generation is None:
        return _from_instances(prediction, job, answer_format, existing, mapping)
    return _from_callback(prediction, job, answer_format, existing)


def _from_instances(
    prediction: Prediction,
    job: Job,
    answer_format: AnswerFormat,
    existing: dict[str, Any] | None,
    mapping: ClassMapping | None,
) -> Built:
    mapping = mapping or ClassMapping.from_job(job.category_schema, prediction.class_names)
    unmapped: Counter[str] = Counter()
    objects: list[dict[str, Any]] = []
    for number, instance in enumerate(prediction.instances, 1):
        objects += _objects(instance, number, mapping, unmapped)
    classifications = [
        {**labels, "answer": str(found["class"])}
        for found in prediction.classifications
        if (labels := _labels(str(found["class"]), int(found["index"]), mapping, unmapped)) is not None
    ]
    size = (prediction.width, prediction.height) if prediction.width and prediction.height else None
    raw = {"objects": objects, "classifications": classifications, "relations": []}
    checked = check_answer(raw, ours=True, size=size, schema_ids=None)
    _, misread = read_config(job.config_json)
    notes = [*((misread,) if misread else ()), *prediction.notes, *mapping.notes, *checked.notes]
    notes += [f'{count} dropped: the class "{name}" is not mapped.' for name, count in unmapped.most_common()]
    answer = _with_existing(checked.answer, existing, notes)
    style = AnswerFormat.CURRENT if answer_format is AnswerFormat.AUTO else answer_format
    return _format(answer, job, style, notes, unmapped.total() + checked.dropped)


def _objects(
    instance: dict[str, Any], number: int, mapping: ClassMapping, unmapped: Counter[str]
) -> list[dict[str, Any]]:
    """The object of one instance and, for a pose, its points, whose ids begin with the instance's."""
    name, index = str(instance["class"]), int(instance["index"])
    points = instance.get("points") or []
    identity = f"{name}-{number}"
    objects = []
    labels = _labels(name, index, mapping, unmapped)
    if labels is not None:
        shape = {key: value for key, value in instance.items() if key not in _NOT_SHAPES}
        given = {"objectId": identity} if points else {}
        objects.append({**labels, **given, **shape, "metadata": {"class": name, "confidence": instance["score"]}})
    for point in points:
        point_labels = _labels(str(point["name"]), -1, mapping, unmapped)
        if point_labels is not None:
            found = {"class": name, "confidence": point["score"], "instance": identity}
            ids = {"objectId": f"{identity}-{point['name']}"}
            objects.append({**point_labels, **ids, "point": point["point"], "metadata": found})
    return objects


def _labels(name: str, index: int, mapping: ClassMapping, unmapped: Counter[str]) -> dict[str, str] | None:
    """The keys that name the labeling tool, or None (and counted) for a class without a mapping."""
    if mapping.is_empty:
        return {"title": name}
    schema_id = mapping.schema_id(name, index)
    if schema_id is None:
        unmapped[name] += 1
        return None
    return {"schemaId": schema_id, "title": name}


def _from_callback(
    prediction: Prediction, job: Job, answer_format: AnswerFormat, existing: dict[str, Any] | None
) -> Built:
    returned = prediction.returned
    raw, style = _read(returned, prediction.generation or "current")
    schema_ids = ClassMapping.from_job(job.category_schema, prediction.class_names).schema_ids
    checked = check_answer(raw, ours=False, size=None, schema_ids=schema_ids or None)
    notes = [*prediction.notes, *checked.notes]
    if existing is None and style is AnswerFormat.DOCUMENTED and job.workflow:
        answer = _with_labeled(checked.answer, job)
    else:
        answer = _with_existing(checked.answer, existing, notes)
    lost = checked.dropped
    wanted = style if answer_format is AnswerFormat.AUTO else answer_format
    if wanted is style and isinstance(returned, dict) and style is not AnswerFormat.CURRENT:
        # As the published client does: the callback's own dict, its other keys and their order included.
        remarks = Notes()
        inside = ("answer",) if style is AnswerFormat.DOCUMENTED else PARTS
        returned = {key: item if key in inside else _clean(item, remarks, key) for key, item in returned.items()}
        notes += remarks.repairs
        response = {**returned, "answer": answer} if style is AnswerFormat.DOCUMENTED else {**returned, **answer}
        built = _built(answer, response, style, notes, lost)
    else:
        built = _format(answer, job, wanted, notes, lost, returned if isinstance(returned, dict) else {})
    masks = {key: returned[key] for key in MASKS if isinstance(returned, dict) and returned.get(key) is not None}
    return replace(
        built, body={**built.body, **masks}, is_plugin=built.is_plugin and _says_is_plugin(wanted, prediction.client)
    )


def _with_labeled(answer: dict[str, Any], job: Job) -> dict[str, Any]:
    """The answer and all annotations that older hubs send with a workflow job, as documented clients hand them in."""
    task = job.data.get("labeltask")
    labeled = task.get("answer") if isinstance(task, dict) else None
    if not isinstance(labeled, dict):
        return answer
    merged = dict(answer)
    for part, key in zip(PARTS, ("tools", *PARTS[1:]), strict=True):
        new, old = answer.get(part) or [], labeled.get(key)
        merged[part] = [*new, *(item for item in old if item not in new)] if isinstance(old, list) else new
    return merged


def _says_is_plugin(style: AnswerFormat, client: str | None) -> bool:
    """Clients before 1.3.29 do not say that a plugin annotates (facts: hub-protocol, HTTP API used by plugins)."""
    if style is not AnswerFormat.FLAT or client is None:
        return True
    version = [int(part) for part in client.split(".")[:3] if part.isdecimal()]
    return version >= [1, 3, 29]


def _read(returned: Any, generation: str) -> tuple[Any, AnswerFormat]:
    """The answer within what a callback returned, and the shape in which its generation responds."""
    styles = {"documented": AnswerFormat.DOCUMENTED, "flat": AnswerFormat.FLAT, "current": AnswerFormat.CURRENT}
    style = styles.get(generation, AnswerFormat.CURRENT)
    if isinstance(returned, list):
        return {"objects": returned}, style
    if not isinstance(returned, dict):
        raise AnswerError(
            f"The callback returned {'nothing' if returned is None else type(returned).__name__} instead of an answer",
            remedy='It must return {"objects": […], "classifications": […], "relations": […]}.',
        )
    if isinstance(returned.get("answer"), dict):
        # Older clients hand the dict on as it is, whichever form it has.
        return returned["answer"], style if style is AnswerFormat.CURRENT else AnswerFormat.DOCUMENTED
    if any(part in returned for part in (*PARTS, "tools")):
        raw = {part: returned[part] for part in PARTS if part in returned}
        if "tools" in returned and "objects" not in raw:
            raw["objects"] = returned["tools"]
        return raw, style if style is AnswerFormat.CURRENT else AnswerFormat.FLAT
    raise AnswerError(
        "The callback returned an object without an answer",
        where=f"keys: {', '.join(map(str, list(returned)[:8])) or 'none'}",
        remedy='It must have "objects", "classifications" and "relations", or "answer" with these in it.',
    )


def _format(
    answer: dict[str, Any],
    job: Job,
    style: AnswerFormat,
    notes: list[str],
    dropped: int,
    returned: dict[str, Any] | None = None,
) -> Built:
    kept = {key: returned[key] for key in ("data", "externalId") if returned and key in returned}
    named = kept or {"data": job.data_url}
    parts = {part: answer.get(part) or [] for part in PARTS}
    responses: dict[AnswerFormat, Any] = {
        AnswerFormat.CURRENT: parts,
        AnswerFormat.FLAT: {**named, **parts},
        AnswerFormat.DOCUMENTED: {**named, "answer": parts},
    }
    return _built(answer, responses[style], style, notes, dropped)


def _built(answer: dict[str, Any], response: Any, style: AnswerFormat, notes: list[str], dropped: int) -> Built:
    # A callback may leave lists out; what it left out is not added to its own dict, but is to what we make of it.
    parts = {part: answer.get(part) or [] for part in PARTS}
    if style is AnswerFormat.CURRENT:
        body = {"answer": parts, "brushDataUrl": None, "medicalBrushDataUrl": None, "duration": 0}
    elif style is AnswerFormat.FLAT:
        body = {"answer": {**response, **parts}, "duration": 0}
    else:
        tools = {
            "tools": parts["objects"],
            "classifications": parts["classifications"],
            "relations": parts["relations"],
        }
        body = {"answer": tools, "duration": 0}
    return Built(
        answer=parts,
        response=response,
        body=body,
        is_plugin=style is not AnswerFormat.DOCUMENTED,
        notes=tuple(notes),
        dropped=dropped,
    )


def _with_existing(answer: dict[str, Any], existing: dict[str, Any] | None, notes: list[str]) -> dict[str, Any]:
    if existing is None:
        return answer
    merged = merge(answer, existing)
    notes += merged.notes
    return merged.answer


def _clean(value: Any, notes: Notes, field: str = "response") -> Any:
    """What a callback says beside its answer, as JSON that a hub can read: NaN would cost the connection."""
    value, finite = plain(value, notes, field)
    return value if finite else without_non_finite(value, notes, field)
