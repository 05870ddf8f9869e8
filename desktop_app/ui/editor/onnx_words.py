"""What was found in an ONNX file, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desktop_app.ui.formats import tr


def sure_words(confidence: str, *, server: bool = False) -> str:
    """How far an identification can be relied on, of a file or of a model on a server."""
    settled = tr("Certain: what the server says settles it.") if server else tr("Certain: the file itself settles it.")
    return {
        "certain": settled,
        "likely": tr("Likely: several signs agree. Try it on a picture of yours."),
        "guess": tr("A guess: try it on a picture of yours before you rely on it."),
    }.get(confidence, "")


def summary_words(found: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Family, what it does, the size of its input, its classes: one line."""
    given = found.get("input")
    size = given if isinstance(given, Mapping) else {}
    parts = [str(found.get("family", "")), task_words(str(found.get("task", "")))]
    if size.get("width"):
        parts.append(f"{size.get('width')} × {size.get('height')} px")
    if names:
        shown = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
        words = tr("{count} classes: {names}") if len(names) > 1 else tr("1 class: {names}")
        parts.append(words.format(count=len(names), names=shown))
    return " · ".join(part for part in parts if part)


def part_lines(sure: Any) -> tuple[str, ...]:
    """A line per part of an identification: what, how sure, why."""
    parts = {
        "family": tr("Family"),
        "task": tr("Task"),
        "size": tr("Size"),
        "layout": tr("Layout"),
        "dtype": tr("Numbers"),
        "color": tr("Colour order"),
        "scale": tr("Scaling"),
        "mean_std": tr("Mean and deviation"),
        "resize": tr("Resizing"),
        "output": tr("Output"),
        "classes": tr("Class names"),
        "keypoints": tr("Key-point names"),
    }
    words = {
        "certain": tr("certain"),
        "likely": tr("likely"),
        "guess": tr("a guess"),
        "chosen": tr("chosen by you"),
    }
    given = sure if isinstance(sure, Mapping) else {}
    told = [(name, given[part]) for part, name in parts.items() if isinstance(given.get(part), Mapping)]
    return tuple(
        tr("{part}: {sure} – {why}").format(
            part=name,
            sure=words.get(str(one.get("confidence")), str(one.get("confidence"))),
            why=one.get("why", ""),
        )
        for name, one in told
    )


def task_words(task: str) -> str:
    """What a model of this task gives."""
    words = {
        "detect": tr("finds objects, a box for each"),
        "obb": tr("finds objects, a rotated box for each"),
        "segment": tr("finds objects, an outline for each"),
        "semantic": tr("divides the picture into areas"),
        "mask": tr("separates the foreground"),
        "pose": tr("finds poses, a box and key points for each"),
        "classify": tr("classifies the whole picture"),
    }
    return words.get(task, task)
