"""Gathers what who helps asks for first."""

from __future__ import annotations

import asyncio
import json
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from desktop_app import __version__
from desktop_app.core import versions
from desktop_app.doctor.finding import Finding, worst
from desktop_app.host import Host
from desktop_app.store.diagnostics import write_diagnostics
from desktop_app.store.logfile import tail

LOG_BYTES = 1_000_000
HIDDEN_SETTINGS = {"window_geometry", "window_state"}


async def save_diagnostics(host: Host, target: Path, findings: Sequence[Finding]) -> Path:
    """Writes the diagnostics of a host into a zip.

    Raises:
        StoreError: it cannot be written.
    """
    plugins = []
    for profile in host.profiles.all():
        stats = await host.history.stats(profile.id, 0.0)
        status = host.status(profile.id)
        exported = json.loads(host.profiles.export_text(profile))
        kept = exported.get("profile", exported)
        plugins.append(
            {
                "profile": kept,
                "state": status.state.value,
                "detail": status.detail,
                "jobs": stats.jobs,
                "failed": stats.failed,
            }
        )
    settings = host.settings.current.model_dump(mode="json", exclude=HIDDEN_SETTINGS)
    running, waiting = host.pending()
    parts = {
        "settings.json": _json(settings),
        "plugins.json": _json({"plugins": plugins, "running": running, "waiting": waiting}),
        "doctor.json": _json({"outcome": worst(list(findings)), "checks": [finding.as_json() for finding in findings]}),
    }
    secrets = host.known_secrets()

    def write() -> Path:
        parts["versions.txt"] = _versions()
        parts["log.txt"] = tail(host.data_dir.logs, LOG_BYTES)
        for number, report in enumerate(host.crashes.all(), 1):
            parts[f"crashes/{number:02d}-{report.path.name}"] = report.text
        return write_diagnostics(target, parts, secrets)

    return await asyncio.to_thread(write)


def file_name() -> str:
    """A name with the moment in it."""
    return f"plugdeck-diagnostics-{time.strftime('%Y%m%d-%H%M%S')}.zip"


def _versions() -> str:
    lines = [
        f"Plugdeck {__version__}{' (packaged)' if getattr(sys, 'frozen', False) else ''}",
        f"Python {platform.python_version()} on {platform.platform()} ({platform.machine()})",
        *(
            f"{package.name} {package.version} ({package.licence or 'licence not named'})"
            for package in versions.packages()
        ),
    ]
    return "\n".join(lines) + "\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
