"""`plugdeck test`: local files through a profile or model; nothing is sent."""

from __future__ import annotations

import argparse
from pathlib import Path

from desktop_app.cli.models import has_model, profile_of
from desktop_app.cli.output import complain, print_json, say
from desktop_app.core.errors import UsageError
from desktop_app.core.profile import Profile
from desktop_app.host import Host
from desktop_app.jobs.trial import TrialResult


async def run(host: Host, options: argparse.Namespace) -> int:
    """Runs the files; exit code 1 if one of them gave no answer."""
    profile, files = _chosen(host, options)
    mapping = dict(options.map) or None
    results = await host.test(profile, files, options.config, mapping)
    if options.overlay is not None:
        await host.draw_overlay(results[0], options.overlay)
    if options.json:
        print_json([result.as_json() for result in results])
    else:
        for result in results:
            _tell(result)
    failed = [result for result in results if result.error]
    for result in failed:
        complain(f"{result.file}: {result.error}")
    return 1 if failed else 0


def _chosen(host: Host, options: argparse.Namespace) -> tuple[Profile, list[Path]]:
    if has_model(options):
        profile = profile_of("test", "http://127.0.0.1", "test", options)
        names = options.arguments
    else:
        if not options.arguments:
            raise UsageError("Name a profile and files, or a model with --onnx or --script and files")
        profile = host.profiles.get(options.arguments[0])
        names = options.arguments[1:]
    if not names:
        raise UsageError("There is no file to test with", remedy="Name at least one.")
    return profile, [Path(name) for name in names]


def _tell(result: TrialResult) -> None:
    if result.answer is not None:
        objects, classes = result.answer["objects"], result.answer["classifications"]
        total = result.timings.total or 0
        say(f"{result.file}: {len(objects)} objects, {len(classes)} classifications in {total:.0f} ms")
        for item in objects:
            confidence = (item.get("metadata") or {}).get("confidence") if isinstance(item, dict) else None
            shape = next((key for key in item if key in _SHAPES), "?")
            score = f" {confidence:.2f}" if isinstance(confidence, float) else ""
            say(f"  {item.get('title') or item.get('schemaId') or '?'}{score} {shape} {_short(item.get(shape))}")
        for item in classes:
            say(f"  {item.get('title') or item.get('schemaId') or '?'}: {_short(item.get('answer'))}")
    elif result.response is not None:
        say(f"{result.file}: {_short(result.response.get('response'))}")
    for warning in result.warnings:
        say(f"  warning: {warning}")


_SHAPES = frozenset(
    {"bounding-box", "rotated-bounding-box", "polygon", "polyline", "point", "segmentation", "ner", "pdf"}
)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 100 else text[:99] + "…"
