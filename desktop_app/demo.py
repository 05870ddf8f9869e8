"""The demo: a local hub, three sample profiles and assets that keep arriving. The same in the window and without."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.core.errors import SecretError
from desktop_app.core.profile import CallbackSource, ModelSource, OnnxSource, Profile
from desktop_app.core.resources import resource
from desktop_app.host import Host
from desktop_app.hub.demo.feed import feed
from desktop_app.hub.demo.server import DemoHub

INTERVAL_S = 1.5
"""Between two jobs, so that a person can follow."""

ONLINE_LIMIT_S = 60.0
"""How long a counted run waits for a sample plugin before it goes on without it."""


@dataclass(frozen=True, slots=True)
class SamplePlugin:
    """One plugin of the demo hub and the model source that answers it."""

    name: str
    plugin_id: str
    class_names: tuple[str, ...]
    source: ModelSource


def sample_plugins() -> tuple[SamplePlugin, ...]:
    """A trained detector, a script in the current style and the one of the hub's documentation."""
    detector = OnnxSource(path=resource("demo", "fasteners.onnx"))
    outline = CallbackSource(script=resource("demo", "plugins", "outline.py"))
    documented = CallbackSource(script=resource("demo", "plugins", "documented_sample.py"))
    return (
        SamplePlugin("Fasteners", "demo-fasteners", ("bolt", "nut", "washer"), detector),
        SamplePlugin("Tray outline", "demo-outline", ("Outline",), outline),
        SamplePlugin("Docs sample", "demo-docs-sample", ("Bolt",), documented),
    )


FAILING = {
    "load": ("Broken model", "demo-broken", "no_model.py"),
    "crash": ("Crashing script", "demo-crashing", "crashes.py"),
}
"""Plugins that fail, for who wants to see how that looks: name, id at the hub, script."""


async def clear_away(host: Host) -> None:
    """Removes the sample profiles of a demo that was not ended in order: their hub is no more."""
    ids = {sample.plugin_id for sample in sample_plugins()} | {plugin_id for _, plugin_id, _ in FAILING.values()}
    for profile in host.profiles.all():
        ours = _file_of(profile.source).is_relative_to(resource("demo")) and profile.plugin_id in ids
        # A person who serves them at a hub of their own has given them a secret; the demo's is never kept.
        if ours and profile.is_loopback and not await _has_secret(host, profile):
            await host.remove_profile(profile.id)
            await host.history.forget(profile.id)


def _file_of(source: ModelSource) -> Path:
    match source:
        case OnnxSource():
            return source.path
        case CallbackSource():
            return source.script
    return Path()


async def _has_secret(host: Host, profile: Profile) -> bool:
    try:
        return await host.secrets.get(profile) is not None
    except SecretError:
        return True  # who knows


class Demo:
    """Runs the demo on a host: `async with Demo(host) as demo`.

    Args:
        interval: seconds between two jobs.
        jobs: how many to send; None: until the end.

    Attributes:
        hub: the demo hub.
        profiles: the sample profiles, being served.
    """

    def __init__(self, host: Host, *, interval: float = INTERVAL_S, jobs: int | None = None) -> None:
        self._host = host
        self._interval = interval
        self._jobs = jobs
        self._feed: asyncio.Task[object] | None = None
        self._ids: list[str] = []
        self.hub = DemoHub()
        self.profiles: tuple[Profile, ...] = ()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Starts the hub, adds and serves the sample profiles, and begins to send jobs."""
        await self.hub.start()
        for sample in sample_plugins():
            await self._add(sample)
        self._ids = [sample.plugin_id for sample in sample_plugins()]
        self._feed = spawn(self._send(self._ids), name="demo feed")

    async def add_failing(self, how: str) -> None:
        """Adds a plugin that fails, and serves it: "load" cannot load its model, "crash" ends with every job.

        One that is there already is served anew.
        """
        name, plugin_id, script = FAILING[how]
        kept = {profile.id: profile for profile in self._host.profiles.all()}
        known = next((one for one in self.profiles if one.plugin_id == plugin_id and one.id in kept), None)
        if known is not None:
            await self._host.stop_profile(known.id)
            await self._host.start_profile(known.id)
            return
        source = CallbackSource(script=resource("demo", "plugins", script))
        await self._add(SamplePlugin(name, plugin_id, (), source))
        if how == "crash" and plugin_id not in self._ids:
            self._ids.append(plugin_id)  # the feed looks anew for every job

    async def _add(self, sample: SamplePlugin) -> None:
        secret = secrets.token_hex(16)
        self.hub.add_plugin(sample.plugin_id, secret, class_names=sample.class_names)
        profile = Profile(
            name=self._free(sample.name), host=self.hub.url, plugin_id=sample.plugin_id, source=sample.source
        )
        # Only in memory: the demo leaves nothing in the person's keychain.
        self._host.secrets.hold(profile, secret)
        await self._host.add_profile(profile, None)
        self.profiles = (*self.profiles, profile)
        await self._host.start_profile(profile.id)

    def _free(self, name: str) -> str:
        taken = {profile.name.casefold() for profile in self._host.profiles.all()}
        numbered = (f"{name} {number}" for number in itertools.count(2))
        return next(one for one in itertools.chain((name,), numbered) if one.casefold() not in taken)

    def welcome(self, profile: Profile) -> None:
        """Takes in a person's own profile: the hub gets to know its plugin, its secret, and sends it jobs too."""
        if profile.plugin_id in self.hub.plugins:
            return  # it is known already, or a sample
        secret = secrets.token_hex(16)
        self.hub.add_plugin(profile.plugin_id, secret)
        self._host.secrets.hold(profile, secret)
        self._ids.append(profile.plugin_id)

    def changed(self) -> tuple[Profile, ...]:
        """The sample profiles that a person has changed; with them goes the change."""
        made = {profile.id: profile for profile in self.profiles}
        return tuple(kept for kept in self._host.profiles.all() if made.get(kept.id, kept) != kept)

    def guests(self) -> tuple[Profile, ...]:
        """A person's own profiles at the demo hub, which have no hub once it ends."""
        made = {profile.id for profile in self.profiles}
        return tuple(kept for kept in self._host.profiles.all() if kept.host == self.hub.url and kept.id not in made)

    async def leave(self) -> frozenset[str]:
        """Ends the demo while the host goes on; returns the ids of the profiles that went.

        A person's own profiles at the demo hub stay, and are stopped.
        """
        try:
            for profile in self.guests():
                await self._host.stop_profile(profile.id)
            await self.stop(remove=True)
        finally:
            await self.close()
        return frozenset(profile.id for profile in self.profiles)

    async def stop(self, *, remove: bool = False) -> None:
        """Sends no more jobs; with `remove`, the sample profiles and their jobs go too."""
        await cancel_and_wait(self._feed)
        if remove:
            kept = {profile.id for profile in self._host.profiles.all()}
            for profile in self.profiles:
                if profile.id in kept:  # a person may have removed it already
                    await self._host.remove_profile(profile.id)
                # What the demo did is nobody's work: it must not stand among the jobs of a person's own plugins.
                await self._host.history.forget(profile.id)

    async def close(self) -> None:
        """Ends the hub: after the host, which still delivers to it."""
        await cancel_and_wait(self._feed)
        await self.hub.stop()

    async def _send(self, plugin_ids: list[str]) -> None:
        if self._jobs is not None:
            # All of them first, so that each plugin gets its share of a counted run.
            for plugin_id in plugin_ids:
                with contextlib.suppress(TimeoutError):
                    await self.hub.wait_online(plugin_id, ONLINE_LIMIT_S)
        await feed(self.hub, plugin_ids, interval=self._interval, jobs=self._jobs)
