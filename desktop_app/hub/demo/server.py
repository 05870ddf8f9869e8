"""The demo hub: a local stand-in for the hub that published clients work against, unchanged.

For trying plugins without an account, for `plugdeck demo` and for tests. It listens on the loopback interface only.
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from desktop_app.core.errors import HubError, UsageError
from desktop_app.core.events import Signal
from desktop_app.core.resources import resource
from desktop_app.hub.demo.api import Api
from desktop_app.hub.demo.connections import Connections
from desktop_app.hub.demo.faults import Faults
from desktop_app.hub.demo.files import Files
from desktop_app.hub.demo.generated import GeneratedProject
from desktop_app.hub.demo.job_event import ClassMapping, Generation, asset_fields, job_object
from desktop_app.hub.demo.listening import Listening
from desktop_app.hub.demo.sample import NOTE_NAME, NOTE_TEXT, SampleProject
from desktop_app.hub.demo.sessions import Sessions
from desktop_app.hub.demo.state import (
    Asset,
    EventKind,
    HubEvent,
    Plugin,
    Recorder,
    Session,
    Task,
    of_kind,
)


class DemoHub:
    """A hub on this machine, with a sample project.

    Use it as an async context manager, or call `start` and `stop`.

    Args:
        port: 0 takes any free one.
        host: an address of the loopback interface; any other is refused.
        assets_dir: the files of the sample project; by default the pictures that ship with the app.
        ping_interval, ping_timeout: of Engine.IO, in seconds.
        max_http_buffer_size: bytes of the largest event that is taken; a larger one costs its sender the connection.
        heartbeat_limit: seconds without a heartbeat after which a plugin counts as offline.
        history_limit: how many events and how many sessions are kept; the oldest go first.
        accept_all: whether a plugin that nobody registered is taken in as a model plugin, with any secret.
        signing_key: what file addresses are signed with; a hub that is started again with the same key honours those
            that it gave out before.
        generated: so many assets are listed instead, made when they are asked for, with those pictures' bytes.

    Attributes:
        faults: switches that make it misbehave.
        project: the sample project.
        api_key: of the person at the hub, valid for every HTTP call. Every job carries a key of its own, so that
            each call is known to belong to its session.
        happened: emits every event as it is recorded.

    Raises:
        UsageError: `host` is not on the loopback interface.
    """

    def __init__(
        self,
        port: int = 0,
        assets_dir: Path | None = None,
        *,
        host: str = "127.0.0.1",
        ping_interval: float = 25.0,
        ping_timeout: float = 20.0,
        max_http_buffer_size: int = 1_000_000,
        heartbeat_limit: float = 150.0,
        history_limit: int = 5_000,
        accept_all: bool = False,
        signing_key: bytes | None = None,
        generated: int = 0,
    ) -> None:
        if not _is_loopback(host):
            raise UsageError(
                "the demo hub listens on this machine only", where=host, remedy="Use 127.0.0.1 or leave the host out."
            )
        self.faults = Faults()
        self.project = GeneratedProject(generated) if generated else SampleProject()
        self.api_key = f"demo-{secrets.token_hex(16)}"
        self.happened: Signal[HubEvent] = Signal()
        self._assets_dir = assets_dir
        self._storage: Path | None = None
        self._recorder = Recorder(history_limit, self.happened.emit)
        self._sessions = Sessions(self._recorder, self.project, limit=history_limit)
        self._files = Files(lambda: self.url, self.faults, signing_key)
        self._connections = Connections(
            self._recorder,
            self._sessions,
            self.faults,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            max_http_buffer_size=max_http_buffer_size,
            heartbeat_limit=heartbeat_limit,
            accept_all=accept_all,
        )
        api = Api(self._recorder, self.project, self._sessions, self._files, self.faults, self.api_key)
        app = api.make_app()
        self._files.attach(app)
        self._connections.attach(app)
        self._listening = Listening(app, host, port)

    # -- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Loads the sample project and listens. A hub starts once; `pause` and `resume` are for going away and back.

        Raises:
            HubError: the port is taken.
        """
        self._storage = await asyncio.to_thread(self._make_storage)
        try:
            await self._listening.start()
        except BaseException:
            await self._drop_storage()
            raise

    async def stop(self) -> None:
        """Cuts every connection, frees the port and deletes what was uploaded. Does nothing when not running."""
        await self._listening.refuse()
        await self._connections.shutdown()
        await self._listening.stop()
        await self._drop_storage()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def pause(self) -> None:
        """Goes away as a hub does that is being restarted: cuts every connection and refuses new ones."""
        await self._listening.refuse()
        self._connections.cut()

    async def resume(self) -> None:
        """Comes back on the same port after `pause`."""
        await self._listening.listen()

    @property
    def url(self) -> str:
        """The hub's origin, "http://127.0.0.1:PORT"; known once it has started."""
        return self._listening.url

    # -- what is there ------------------------------------------------------------------------------------------------

    @property
    def assets(self) -> list[Asset]:
        """The assets of the sample project, pictures first."""
        return self.project.assets

    @property
    def tasks(self) -> dict[str, Task]:
        """The labeling tasks by id; one per asset."""
        return self.project.tasks

    @property
    def plugins(self) -> dict[str, Plugin]:
        """The registered plugins by id."""
        return self._connections.plugins

    @property
    def sessions(self) -> dict[str, Session]:
        """The sessions by id, oldest first."""
        return self._sessions.all

    @property
    def events(self) -> list[HubEvent]:
        """Every event and every HTTP call the hub saw, in order; a copy of what `history_limit` keeps."""
        return self._recorder.events

    @property
    def protocol_errors(self) -> list[HubEvent]:
        """What clients did against the protocol."""
        return of_kind(self.events, EventKind.PROTOCOL_ERROR)

    @property
    def http_calls(self) -> list[HubEvent]:
        """The HTTP calls, files included."""
        return of_kind(self.events, EventKind.HTTP)

    def add_asset(self, path: Path) -> Asset:
        """Adds a file to the project."""
        asset = self.project.add(path)
        self._files.add("assets", asset.external_id, path, asset.media_type)
        return asset

    def asset_url(self, asset: Asset, *, lifetime: float = 3600.0) -> str:
        """A fresh signed address of an asset; a negative lifetime gives one that has expired."""
        return self._files.signed_url(self._files.of_asset(asset), lifetime=lifetime)

    def stored_bytes(self, address: str) -> bytes | None:
        """What is stored at an address that the hub gave out (an uploaded mask, say), or None."""
        stored = self._files.find(address)
        return stored.read_bytes() if stored is not None and stored.present else None

    # -- plugins ------------------------------------------------------------------------------------------------------

    def add_plugin(self, plugin_id: str, secret: str, kind: str = "model", class_names: tuple[str, ...] = ()) -> Plugin:
        """Registers a plugin, as a developer does on the hub's plugin page; one of the same id is replaced.

        Args:
            kind: "model", "batch", "export", "file-explorer", "input" or "markdown".
            class_names: the model classes that a person maps when running it.
        """
        plugin = Plugin(plugin_id, secret, kind, class_names)
        self._connections.plugins[plugin_id] = plugin
        return plugin

    def online(self, plugin_id: str) -> bool:
        """Whether the plugin is logged in and its last heartbeat is recent."""
        return self._connections.online(plugin_id)

    async def wait_online(self, plugin_id: str, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - for callers' ease
        """Waits until the plugin is online.

        Raises:
            TimeoutError: it is not within `timeout` seconds.
        """
        await self.wait_until(lambda: self.online(plugin_id), timeout)

    async def wait_until(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:  # noqa: ASYNC109 - as above
        """Waits until a condition on the hub holds; it is looked at now and after every event.

        Raises:
            TimeoutError: it does not hold within `timeout` seconds.
        """
        await self._recorder.wait_until(condition, timeout)

    async def disconnect(self, plugin_id: str) -> None:
        """Closes the plugin's connections in the protocol's own way."""
        await self._connections.disconnect(plugin_id)

    def cut(self, plugin_id: str | None = None) -> None:
        """Breaks connections without a word, as a failing network does: one plugin's, or all."""
        self._connections.cut(plugin_id)

    # -- jobs ---------------------------------------------------------------------------------------------------------

    async def run_plugin(
        self,
        plugin_id: str,
        *,
        asset: int | str | None = 0,
        class_mapping: ClassMapping = "by name",
        config: str | None = None,
        workflow: bool = False,
        overwrite: bool | None = None,
        extra: Mapping[str, Any] | None = None,
        generation: Generation = "current",
        send: bool = True,
    ) -> Session:
        """Runs a plugin on an asset: sends the `plugin` event to its connection.

        Args:
            asset: index among the assets, or an asset's id; None for plugins that get none (batch, export).
            class_mapping: model class to schemaId; "by name" maps each of the plugin's classes to the tool with
                the same title; None maps nothing (`categorySchema` is null).
            config: what the person typed as config JSON, as it is.
            workflow: as if a workflow stage ran it.
            overwrite: None leaves the field out.
            extra: further fields, or other values for the usual ones.
            send: False leaves it to the caller to hand the session's `job` to the plugin (REST connector).

        Raises:
            PluginOffline: the plugin is not online; no session was started.
            HubError: the sample project has no such asset.
        """
        chosen = self._choose(asset)
        plugin = self.plugins.get(plugin_id)
        class_names = plugin.class_names if plugin else ()
        job = job_object(
            self.project, class_names, class_mapping, config=config, workflow=workflow, overwrite=overwrite
        )
        api_key = job["apiKey"]
        url = self.asset_url(chosen) if chosen else None
        job |= asset_fields(self.project, chosen, url, workflow=workflow, generation=generation)
        job |= extra or {}
        session = Session(
            id=str(job.get("session")),
            plugin_id=plugin_id,
            job=job,
            api_key=api_key,
            asset_id=chosen.id if chosen else None,
            task_id=self.project.task_of(chosen).id if chosen else None,
            workflow=bool(job.get("workflow")),
        )
        if send:
            await self._send(session, job)
        else:
            self._sessions.open(session)
        return session

    def adopt(self, session: Session) -> None:
        """Knows a session that an earlier run of this hub started, with what was heard of it then."""
        self._sessions.open(session)

    async def resend(self, session: Session, extra: Mapping[str, Any] | None = None) -> None:
        """Sends a session's job once more, as a hub may after a reconnect.

        Args:
            extra: what is different this time, such as a freshly signed `dataURL`; by default nothing is.

        Raises:
            PluginOffline: the plugin is not online.
        """
        await self._send(session, session.job | dict(extra or {}))

    async def send_raw(self, plugin_id: str, payload: Any, *, event: str = "plugin") -> Session | None:
        """Sends any payload as a job; see `faults.malformed_jobs`.

        Returns:
            A session for what comes back, where the payload has a text `session`; else None.

        Raises:
            PluginOffline: the plugin is not online.
        """
        session_id = payload.get("session") if isinstance(payload, dict) else None
        if event != "plugin" or not isinstance(session_id, str):
            await self._send(None, payload, plugin_id, event)
            return None
        key = payload.get("apiKey")
        session = Session(
            id=session_id,
            plugin_id=plugin_id,
            job=payload,
            api_key=key if isinstance(key, str) and key != self.api_key else "",
            workflow=bool(payload.get("workflow")),
        )
        await self._send(session, payload)
        return session

    async def send_frame(self, plugin_id: str, frame: str) -> None:
        """Sends an Engine.IO message as it is, such as `2/plugin,["plugin",{broken`.

        Raises:
            PluginOffline: the plugin is not online.
        """
        await self._connections.send_frame(plugin_id, frame)

    async def _send(self, session: Session | None, job: Any, plugin_id: str = "", event: str = "plugin") -> None:
        plugin_id = session.plugin_id if session else plugin_id
        self._connections.check_online(plugin_id)
        # Filed and recorded first: a plugin may answer before the sending coroutine goes on.
        if session is not None:
            self._sessions.open(session)
            session.sent += 1
        self._recorder.add(EventKind.PLUGIN, plugin_id=plugin_id, session=session.id if session else "", data=job)
        await self._connections.send(plugin_id, event, job)

    def _choose(self, asset: int | str | None) -> Asset | None:
        if asset is None:
            return None
        if isinstance(asset, str):
            chosen = self.project.asset(asset)
        else:
            chosen = self.assets[asset] if -len(self.assets) <= asset < len(self.assets) else None
        if chosen is None:
            raise HubError(
                f"the sample project has {len(self.assets)} assets, and not this one",
                where=str(asset),
                remedy="Choose another asset.",
            )
        return chosen

    # -- storage ------------------------------------------------------------------------------------------------------

    def _make_storage(self) -> Path:
        storage = Path(tempfile.mkdtemp(prefix="plugdeck-demo-hub-"))
        self._files.use_folder(storage)
        note = storage / NOTE_NAME
        note.write_text(NOTE_TEXT, encoding="utf-8")
        folder = self._assets_dir if self._assets_dir is not None else resource("demo", "assets")
        for path in [*self.project.files_in(folder), note]:
            self.add_asset(path)
        if isinstance(self.project, GeneratedProject):
            self.project.use([asset.path for asset in self.project.pictures])
            self._files.asset_named = self.project.named
        return storage

    async def _drop_storage(self) -> None:
        if self._storage is not None:
            storage, self._storage = self._storage, None
            await asyncio.to_thread(shutil.rmtree, storage, ignore_errors=True)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
