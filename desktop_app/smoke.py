"""`plugdeck --smoke`: does this installation work? Window, demo hub and one worker of every kind, three jobs, the end.

Every package's test runs it, and so may a person whose computer behaves strangely. It leaves nothing behind.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import secrets
import sys
import tempfile
import time
from pathlib import Path

from desktop_app import __version__
from desktop_app.core.profile import CallbackSource, OnnxSource, Profile
from desktop_app.core.resources import resource
from desktop_app.host import Host
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.demo.state import Outcome
from desktop_app.runner.interpreters import Interpreter, find_interpreters
from desktop_app.store.paths import DataDir

LIMIT_S = 120.0
"""For one worker to come online, and for one job."""

SCRIPT = '''\
"""The script of the smoke test: one box, and which Python it ran in."""
import sys
from ango.plugins import ModelPlugin, run


def answer(**data):
    data["logger"].info("Python %s" % sys.version.split()[0])
    box = {"bounding-box": {"x": 1, "y": 2, "width": 3, "height": 4}}
    return {"data": data["dataURL"], "answer": {"objects": [box], "classifications": [], "relations": []}}


run(ModelPlugin("smoke", "smoke", answer), host="http://localhost")
'''


def run(options: argparse.Namespace) -> int:
    """Runs the check; 0 if all is well, 1 if not, with a line for each part on stdout."""
    # A server has no screen; a person who wants to see the window sets the variable.
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication

    from desktop_app.ui.loop import Loop

    logging.basicConfig(level=(options.log_level or "error").upper(), stream=sys.stderr)
    application = QApplication(sys.argv[:1])
    application.setQuitOnLastWindowClosed(False)
    loop = Loop(application)
    asyncio.set_event_loop(loop)
    with loop:
        code: int = loop.run_until_complete(_main())
    return code


async def _main() -> int:
    began = time.monotonic()
    _say(f"Plugdeck {__version__}, Python {sys.version.split()[0]}, {sys.platform}")
    with tempfile.TemporaryDirectory(prefix="plugdeck-smoke-", ignore_cleanup_errors=True) as folder:
        try:
            await _check(Path(folder))
        except Exception as error:  # noqa: BLE001 - whatever it is, this is where it is said
            sys.stderr.write(f"plugdeck: the smoke test failed: {type(error).__name__}: {error}\n")
            return 1
    _say(f"All is well, after {time.monotonic() - began:.1f} s.")
    return 0


async def _check(folder: Path) -> None:
    from desktop_app.ui.main_window import MainWindow
    from desktop_app.ui.theme import apply_theme

    script = folder / "smoke.py"
    script.write_text(SCRIPT, encoding="utf-8")
    sources = {
        "onnx": OnnxSource(path=resource("demo", "fasteners.onnx")),
        "script": CallbackSource(script=script),
    }
    other = await _other_python()
    if other is None:
        _say("No other Python from 3.8 on was found: the check of one is left out.")
    else:
        sources["interpreter"] = CallbackSource(script=script, python=other.path)
    hub = DemoHub()
    host = Host(DataDir(folder / "data"))
    await hub.start()
    try:
        await host.start(serve=True, who="the smoke test")
        from PySide6.QtWidgets import QApplication

        application = QApplication.instance()
        assert isinstance(application, QApplication)  # noqa: S101
        apply_theme(application, "light", host.settings.current.density)
        window = MainWindow(host)
        window.show()
        window.begin()
        try:
            for name, source in sources.items():
                secret = secrets.token_hex(16)
                hub.add_plugin(name, secret, class_names=("bolt", "nut", "washer"))
                profile = Profile(name=name, host=hub.url, plugin_id=name, source=source)
                host.secrets.hold(profile, secret)
                await host.add_profile(profile, None)
                await host.start_profile(profile.id)
            # Three jobs, also where one kind of worker is left out.
            for name in [*sources, "script"][:3]:
                await _serve(hub, name)
            picture = window.grab()
            if picture.isNull() or picture.width() < 400:
                raise RuntimeError("the window draws nothing")
            _say(f"window: {picture.width()} × {picture.height()} pixels")
        finally:
            window.hide()
            await window.end()
            window.close_now()
            window.deleteLater()
    finally:
        await host.stop(0.0)
        await hub.stop()


async def _serve(hub: DemoHub, name: str) -> None:
    await hub.wait_online(name, LIMIT_S)
    session = await hub.run_plugin(name, class_mapping="by name" if name == "onnx" else None)
    await hub.wait_until(lambda: session.outcome is not Outcome.OPEN, LIMIT_S)
    if session.outcome is Outcome.FAILED:
        reasons = "; ".join(line.message for line in session.logs) or "no reason was given"
        raise RuntimeError(f"{name}: the job failed: {reasons}")
    response = session.responses[0]["response"]
    # The documented generation wraps its answer (facts: hub-protocol).
    found = len(response.get("answer", response)["objects"])
    if not found:
        raise RuntimeError(f"{name}: the answer is empty")
    python = next((line.message for line in session.logs if line.message.startswith("Python")), "")
    _say(f"{name}: answered with {found} object(s){' by ' + python if python else ''}")


async def _other_python() -> Interpreter | None:
    found = await find_interpreters()
    return next((item for item in found if item.path is not None and item.path != Path(sys.executable)), None)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
