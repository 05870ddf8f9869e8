"""`plugdeck test`: local files through a profile or model; nothing is sent."""

from __future__ import annotations

import argparse
import json
import math
import os
from pathlib import Path
from typing import Any

from desktop_app.cli.models import has_model, profile_of, token_of
from desktop_app.cli.output import clean, columns, complain, print_json, say
from desktop_app.core.annotation import SHAPE_KEYS
from desktop_app.core.errors import KnownError, UsageError
from desktop_app.core.profile import CallbackSource, Profile
from desktop_app.host import Host
from desktop_app.jobs.trial import TrialResult

_LONGEST = 100


async def run(host: Host, options: argparse.Namespace) -> int:
    """Runs the files; exit code 1 if one of them gave no answer or the overlay could not be drawn."""
    profile, files = await _chosen(host, options)
    out = None if options.overlay is None else _overlay_path(options.overlay, files)
    if not isinstance(profile.source, CallbackSource) and not _is_object(options.config):
        complain("The --config is no JSON object, so the model runs without it.")
    results = await host.test(profile, files, options.config, dict(options.map) or None)
    if options.json:
        print_json([result.as_json() for result in results])
    else:
        for result in results:
            tell(result)
    failed = [result for result in results if result.error]
    for result in failed:
        complain(f"{result.file}: {result.error}")
    drawn = out is None or await _draw(host, results[0], out, quiet=options.json)
    return 0 if drawn and not failed else 1


def _is_object(config: str | None) -> bool:
    """Whether a model can read the config; one that was not given is fine. A script is handed any text as it is."""
    if config is None:
        return True
    try:
        return isinstance(json.loads(config), dict)
    except (ValueError, RecursionError):
        return False


async def _chosen(host: Host, options: argparse.Namespace) -> tuple[Profile, list[Path]]:
    if has_model(options):
        profile = await profile_of("test", "http://127.0.0.1", "test", options)
        token = token_of(options)
        if token:
            host.secrets.hold_token(profile.id, token)
        names = options.arguments
    else:
        if not options.arguments:
            raise UsageError(
                "There is nothing to test",
                remedy="Name a profile and files, or a model with --onnx or --script or --remote, and files.",
            )
        given = [name for name in _MODEL_OPTIONS if getattr(options, name) not in (None, False)]
        if given:
            raise UsageError(
                f"--{given[0].replace('_', '-')} goes with --onnx, --script or --remote",
                remedy="A profile's own options are used; leave it out, or name the model instead of a profile.",
            )
        profile = host.profiles.get(options.arguments[0])
        names = options.arguments[1:]
    if not names:
        raise UsageError("There is no file to test with", remedy="Name at least one.")
    return profile, [Path(name) for name in names]


_MODEL_OPTIONS = (
    "model",
    "model_version",
    "token_env",
    "allow_insecure_remote",
    "python",
    "confidence",
    "iou",
    "classes",
    "shape",
    "concurrency",
    "timeout",
    "memory_limit",
    "provider",
    "unload_after",
    "answer_format",
    "allow_private_assets",
    "allow_insecure_host",
)


def _overlay_path(out: Path, files: list[Path]) -> Path:
    """Where the overlay goes; looked at before the model runs, so that a slip costs no time.

    Raises:
        UsageError: it cannot be written there, or would replace a file that is tested.
    """
    out = out.expanduser().absolute()
    if out.suffix.lower() != ".png":
        raise UsageError("The overlay is a PNG file", where=str(out), remedy="Let its name end in .png.")
    if out.is_dir():
        raise UsageError("The overlay's name is that of a folder", where=str(out), remedy="Name a file in it.")
    if not out.parent.is_dir():
        raise UsageError("There is no such folder for the overlay", where=str(out.parent), remedy="Make it first.")
    if not os.access(out.parent, os.W_OK):
        raise UsageError("The overlay's folder is read-only", where=str(out.parent), remedy="Name another one.")
    if any(out.resolve() == file.resolve() for file in files):
        raise UsageError("The overlay would replace the tested file", where=str(out), remedy="Name another file.")
    return out


async def _draw(host: Host, result: TrialResult, out: Path, *, quiet: bool) -> bool:
    if result.answer is None:
        complain("The overlay was not drawn: the first file has no answer that could be drawn.")
        return False
    try:
        drawn = await host.draw_overlay(result, out)
    except KnownError as error:
        complain(f"The overlay was not drawn: {error}")
        return False
    if not quiet:
        left_out = f", {drawn['left_out']} could not be drawn" if drawn.get("left_out") else ""
        say(f"{clean(str(out))}: {_count(drawn.get('objects', 0), 'object')} drawn{left_out}")
    return True


def tell(result: TrialResult) -> None:
    """One file's answer, a line for each annotation."""
    if result.answer is not None:
        objects, classes = result.answer["objects"], result.answer["classifications"]
        relations = result.answer.get("relations") or []
        parts = [_count(len(objects), "object"), _count(len(classes), "classification")]
        parts += [_count(len(relations), "relation")] if relations else []
        total = result.timings.total or 0
        say(f"{clean(str(result.file))}: {', '.join(parts)} in {total:.0f} ms")
        columns([row for item in objects if (row := _object(item))], right=(2,))
        columns([[f"  {_name(item)}:", _short(item.get("answer"))] for item in classes if isinstance(item, dict)])
    elif result.response is not None:
        say(f"{clean(str(result.file))}: {_short(result.response.get('response'))}")
    for warning in result.warnings:
        say(f"  warning: {clean(warning)}")


def _object(item: Any) -> list[str] | None:
    if not isinstance(item, dict):
        return None
    metadata = item.get("metadata")
    confidence = metadata.get("confidence") if isinstance(metadata, dict) else None
    score = f"{confidence:.2f}" if isinstance(confidence, float) else ""
    shape = next((key for key in item if key in SHAPE_KEYS), "")
    return ["", _name(item), score, shape, _where(shape, item.get(shape))]


def _name(item: dict[str, Any]) -> str:
    title, schema_id = item.get("title"), item.get("schemaId")
    if title and schema_id:
        return _short(f"{title} ({schema_id})")
    return _short(title or schema_id or "(no class)")


def _where(shape: str, value: Any) -> str:
    """Where a shape lies, in pixels of the picture and in a few words."""
    try:
        if shape in ("bounding-box", "rotated-bounding-box"):
            text = f"x {value['x']:.0f}, y {value['y']:.0f}, {value['width']:.0f} × {value['height']:.0f}"
            return f"{text}, {value['rotation']:.1f}°" if shape.startswith("rotated") else text
        if shape == "point":
            return f"x {value[0]:.0f}, y {value[1]:.0f}"
        if shape in ("polygon", "polyline"):
            return f"{len(value)} points, {_extent(value)}"
        if shape == "segmentation":
            zones = value["zones"]
            holes = sum(len(zone.get("holes") or []) for zone in zones)
            text = f"{_count(len(zones), 'zone')}, " + (f"{_count(holes, 'hole')}, " if holes else "")
            return text + _extent([point for zone in zones for point in zone["region"]])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        pass
    return _short(value)


def _extent(points: list[list[float]]) -> str:
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    size = f"{math.ceil(max(xs) - min(xs))} × {math.ceil(max(ys) - min(ys))}"
    return f"x {min(xs):.0f}, y {min(ys):.0f}, {size}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _short(value: object) -> str:
    text = clean(", ".join(map(str, value)) if isinstance(value, list) else str(value))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
