"""`plugdeck hub`: the demo hub alone, where anybody's plugin script or profile can log in and is given jobs."""

from __future__ import annotations

import argparse
import shlex
import time
from typing import Any

from desktop_app.cli.output import clean, columns, say
from desktop_app.cli.serve import Stop
from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.core.profile import OnnxSource
from desktop_app.demo import SamplePlugin, sample_plugins
from desktop_app.hub.demo.feed import feed
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.demo.sessions import answer_of
from desktop_app.hub.demo.state import EventKind, HubEvent, Session

_LONGEST = 200


def secret_of(sample: SamplePlugin) -> str:
    """The secret of a sample plugin on this hub; no secret at all, for the hub listens on this machine only."""
    return f"{sample.plugin_id}-secret"


async def run(options: argparse.Namespace) -> int:
    """Runs the hub until a signal comes."""
    stop = Stop()
    samples = sample_plugins()
    async with DemoHub(port=options.port, accept_all=True) as hub:
        for sample in samples:
            hub.add_plugin(sample.plugin_id, secret_of(sample), class_names=sample.class_names)
        ids = [sample.plugin_id for sample in samples]
        _Watch(hub, ids)
        _welcome(hub.url, samples)
        feeding = spawn(feed(hub, ids, interval=options.interval), name="demo hub's jobs")
        try:
            await stop.wait()
        finally:
            await cancel_and_wait(feeding)
    return 0


def _welcome(url: str, samples: tuple[SamplePlugin, ...]) -> None:
    say(f"The demo hub runs at {url}, for this machine only. Ctrl-C ends it.")
    say("These plugins are registered, with their classes mapped:")
    columns([["", s.plugin_id, f"secret {secret_of(s)}", ", ".join(s.class_names)] for s in samples])
    say("Any other plugin id logs in too, with any secret; its jobs come without a class mapping.")
    sample = samples[0]
    if isinstance(sample.source, OnnxSource):
        name = "DEMO"
        model = shlex.quote(str(sample.source.path))
        say("For example, in another terminal:")
        say(f"  export PLUGDECK_SECRET_{name}={secret_of(sample)}")
        say(f"  plugdeck profiles add {name} --host {url} --id {sample.plugin_id} --onnx {model}")
        say(f"  plugdeck run {name}")
    say(f"A plugin script needs no change but its host ({url}). Whatever is online gets jobs:")


class _Watch:
    """Tells what happens at the hub, a line each."""

    def __init__(self, hub: DemoHub, ids: list[str]) -> None:
        self._hub = hub
        self._ids = ids
        self._online: set[str] = set()
        hub.happened.connect(self._heard)

    def _heard(self, event: HubEvent) -> None:
        text = self._text(event)
        if text:
            at = time.strftime("%H:%M:%S", time.localtime(event.at))
            session = f" {event.session[:8]}" if event.session else ""
            who = f"{event.plugin_id}{session}: " if event.plugin_id else ""
            line = clean(f"{at} {who}{text}")
            say(line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…")

    def _text(self, event: HubEvent) -> str:
        if event.kind is EventKind.HEARTBEAT:
            return self._arrived(event.plugin_id)
        if event.kind is EventKind.DISCONNECT:
            return self._left(event.plugin_id)
        if event.kind is EventKind.LOGIN_REFUSED:
            return "login refused: another secret is registered for this id"
        if event.kind is EventKind.PROTOCOL_ERROR:
            return f"against the protocol: {event.text}"
        if event.kind is EventKind.HTTP:
            return _call(event.data)
        session = self._hub.sessions.get(event.session)
        if session is None:
            return ""
        if event.kind is EventKind.PLUGIN:
            return f"started on {self._asset(session)}"
        if event.kind is EventKind.LOG:
            return f"{session.logs[-1].level} {session.logs[-1].message}"
        if event.kind is EventKind.RESPONSE:
            return _answered(session, event.data)
        return ""

    def _arrived(self, plugin_id: str) -> str:
        if plugin_id not in self._ids:
            self._ids.append(plugin_id)  # from now on it is fed
        if plugin_id in self._online:
            return ""
        self._online.add(plugin_id)
        return "online"

    def _left(self, plugin_id: str) -> str:
        if plugin_id not in self._online or self._hub.online(plugin_id):
            return ""
        self._online.discard(plugin_id)
        return "offline"

    def _asset(self, session: Session) -> str:
        asset = self._hub.project.asset(session.asset_id or "")
        return asset.external_id if asset is not None else "no asset"


def _answered(session: Session, payload: Any) -> str:
    took = f" in {session.elapsed_ms:.0f} ms" if session.elapsed_ms is not None else ""
    if payload.get("error") is True:
        return f"ended with an error{took}; the lines above say why"
    answer = answer_of(payload.get("response"))
    again = " once more" if len(session.responses) > 1 else ""
    if answer is None:
        return f"answered{again}{took}, without annotations that the hub could draw"
    parts = [(len(answer["tools"]), "object"), (len(answer["classifications"]), "classification")]
    counted = ", ".join(f"{number} {thing}{'' if number == 1 else 's'}" for number, thing in parts)
    return f"answered{again} with {counted}{took}"


def _call(data: Any) -> str:
    """An HTTP call that a plugin made; files and assets are fetched too often to be told."""
    if not isinstance(data, dict) or data.get("key") == "signed":
        return ""
    return f"{data.get('method')} {data.get('path')} → {data.get('status')}"
