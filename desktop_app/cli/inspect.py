"""`plugdeck inspect`: what a model is, in a file or on a server, and why; for people or as JSON. Needs no data dir."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from desktop_app.cli.models import existing_file, remote_source, token_of
from desktop_app.cli.output import clean, columns, print_json, say
from desktop_app.core.errors import UsageError
from desktop_app.runner.inspect import inspect_model, inspect_remote

TASKS = {
    "detect": "detects objects: a box for each",
    "obb": "detects objects: a rotated box for each",
    "segment": "detects objects: an outline for each",
    "semantic": "divides the picture into areas: a class for each",
    "mask": "separates the foreground from the background",
    "pose": "detects poses: a box and key points for each",
    "classify": "classifies the picture as a whole",
    "unsupported": "nothing that Plugdeck can turn into annotations",
}

SURE = {
    "certain": "certain: the file itself settles it",
    "likely": "likely: several signs agree; try it on a picture of yours",
    "guess": "a guess: try it on a picture of yours before you rely on it",
}

_RESIZE = {
    "letterbox": "letterboxed (ratio kept, padded around)",
    "topleft": "ratio kept, padded right and below",
    "stretch": "stretched to the input's size",
    "crop": "centre cut out",
    "fit": "shrunk to fit, ratio kept",
    "shortest": "shorter side scaled to the input's, ratio kept",
}

_PARTS = {
    "family": "family",
    "task": "task",
    "size": "size",
    "layout": "layout",
    "dtype": "numbers",
    "color": "colour order",
    "scale": "scaling",
    "mean_std": "mean and std",
    "resize": "resizing",
    "output": "output",
    "classes": "class names",
    "keypoints": "key-point names",
}

_SHOWN_CLASSES = 12
_SHOWN_IN_DETAIL = 3


async def run(options: argparse.Namespace) -> int:
    """Prints what the file is. Exit code 0 also for a model that is declined: saying so is the answer."""
    if (options.file is None) is (options.remote is None):
        raise UsageError("There is one thing to inspect", remedy="Name a file, or --remote URL with --model NAME.")
    if options.remote is not None:
        source = remote_source(options)
        found = await inspect_remote(source, token_of(options) or "")
        path, given = Path(source.model), f"--remote {shlex.quote(source.url)} --model {shlex.quote(source.model)}"
    else:
        path, given = options.file, ""
        found = await inspect_model(existing_file(path))
    if options.json:
        print_json(found)
    else:
        tell(path, found, given)
    return 0


def tell(path: Path, found: dict[str, Any], given: str = "") -> None:
    """The findings in plain words: what it is, how sure, why, and what to check.

    Args:
        given: the options that name the model, "" for a file.
    """
    supported = found["task"] != "unsupported"
    say(clean(path.name))
    facts = [
        ("What it does", TASKS.get(found["task"], found["task"])),
        ("Family", found["family"]),
        ("How sure", _sure(found)),
        ("Input", _input(found["input"])),
    ]
    if found["classes"]:
        facts.append(("Classes", _names(found["classes"], found.get("names_from", "file"))))
    if found.get("keypoints"):
        facts.append(("Key points", _names(found["keypoints"], "file")))
    output = found["output"]
    tensors = output.get("tensors") if isinstance(output, dict) else None
    if isinstance(tensors, dict):
        facts.append(("Output", ", ".join(f"{name} {shape}" for name, shape in tensors.items())))
    server = found.get("server")
    if isinstance(server, dict):
        facts += _server(server)
    columns([[f"  {name}", clean(text)] for name, text in facts])
    _details(found)
    _list("Why", found["why"])
    _list("To check", found["warnings"])
    if supported:
        say(f"Try it: plugdeck test {clean(given or '--onnx ' + shlex.quote(str(path)))} PICTURE")


def _sure(found: dict[str, Any]) -> str:
    words = str(SURE.get(found["confidence"], found["confidence"]))
    return words.replace("the file itself", "what the server says") if "server" in found else words


def _server(server: dict[str, Any]) -> list[tuple[str, str]]:
    """What a model server says of itself and the model."""
    rows = [
        ("Server", " ".join(filter(None, [server.get("server") or "a server", "at", server.get("url")]))),
        ("Runs on", server.get("platform")),
        ("Versions", ", ".join(server.get("versions") or ())),
        ("Tensors", "as bytes" if server.get("binary") else "as JSON, which is slower: it takes no bytes"),
    ]
    return [(name, str(text)) for name, text in rows if text]


def _input(spec: dict[str, Any]) -> str:
    size = f"{spec['width']} × {spec['height']} pixels"
    if spec.get("dynamic"):
        size += " (any size would do)"
    color = str(spec.get("color", "")).upper() or f"{spec['channels']} channels"
    parts = [size, color, _RESIZE.get(spec["resize"], spec["resize"]), _scaling(spec)]
    return ", ".join([*parts, f"{spec['dtype']} {spec['layout'].upper()}"])


def _details(found: dict[str, Any]) -> None:
    """A row per part: what, the value, how sure, why."""
    sure = found.get("sure") or {}
    rows = [
        [f"  {name}", *(clean(text) for text in (_value(part, found), sure[part]["confidence"], sure[part]["why"]))]
        for part, name in _PARTS.items()
        if part in sure
    ]
    if rows:
        say("In detail:")
        columns(rows)


def _value(part: str, found: dict[str, Any]) -> str:
    spec, output = found["input"], found["output"]
    if part in ("classes", "keypoints"):
        names = [str(name) for name in found[part]]
        return ", ".join(names[:_SHOWN_IN_DETAIL]) + (", …" if len(names) > _SHOWN_IN_DETAIL else "") or "none"
    return {
        "size": f"{spec['width']} × {spec['height']}",
        "layout": str(spec["layout"]).upper(),
        "color": str(spec.get("color", "")).upper(),
        "scale": _span(spec["scale"]),
        "mean_std": f"{_numbers(list(spec['mean']))}, {_numbers(list(spec['std']))}",
        "output": str(output.get("format", "")) if isinstance(output, dict) else "",
    }.get(part) or str(found.get(part, spec.get(part, "")))


def _span(scale: float) -> str:
    return "0…1" if abs(scale - 1 / 255) < 1e-6 else "0…255" if scale == 1 else f"times {scale:.6g}"


def _scaling(spec: dict[str, Any]) -> str:
    scale, mean, std = spec["scale"], list(spec["mean"]), list(spec["std"])
    span = _span(scale)
    plain = not any(mean) and all(value == 1 for value in std)
    if plain:
        return f"pixels {span}"
    return f"pixels {span}, mean {_numbers(mean)}, std {_numbers(std)}"


def _numbers(values: list[float]) -> str:
    return "/".join(f"{value:.4g}" for value in values)


def _names(names: list[str], source: str) -> str:
    shown = ", ".join(names[:_SHOWN_CLASSES])
    if len(names) > _SHOWN_CLASSES:
        shown += ", …"
    notes = {"suggestion": "; suggested, the file does not name them", "numbers": "; the file does not name them"}
    return f"{len(names)}: {shown}{notes.get(source, '')}"


def _list(head: str, lines: list[str]) -> None:
    if lines:
        say(f"{head}:")
        for line in lines:
            say(f"  - {clean(line)}")
