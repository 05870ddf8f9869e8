"""Composes the services without Qt: what is built, in which order it starts and stops.

Both faces, the window and the command line, use nothing but a `Host`.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from desktop_app import upkeep
from desktop_app.core import aio
from desktop_app.core.errors import ProfileError, SecretError, StoreError
from desktop_app.core.events import (
    Event,
    Level,
    Logged,
    ProfileState,
    ProfileStatus,
    Signal,
    StatusChanged,
)
from desktop_app.core.profile import Profile, RemoteSource
from desktop_app.core.proxy import ProxyChoice
from desktop_app.hub.listener import Timing
from desktop_app.jobs.assets import Assets
from desktop_app.jobs.cache import Cache
from desktop_app.jobs.recorder import AppLogHandler, Recorder
from desktop_app.jobs.shared import Shared
from desktop_app.jobs.supervisor import Supervisor
from desktop_app.store.batches import Batches
from desktop_app.store.crashes import CrashReports
from desktop_app.store.database import Database
from desktop_app.store.history import History
from desktop_app.store.lock import FileLock
from desktop_app.store.logfile import LogFile
from desktop_app.store.outbox import Outbox
from desktop_app.store.profiles import ProfileStore
from desktop_app.store.secrets import Secrets
from desktop_app.store.settings import SettingsStore
from desktop_app.workbench import Workbench, check_host

if TYPE_CHECKING:
    from desktop_app.hub.rest import RestServer
    from desktop_app.store.paths import DataDir
    from desktop_app.store.settings import Settings

log = logging.getLogger(__name__)

SWITCH_INTERVAL_S = 0.0005

SERVING = ("desktop_app.jobs.service", "desktop_app.jobs.shadow", "desktop_app.hub.connection")
"""What the first served profile needs. With all that it draws in, loading takes longer than opening the window."""


class Host(Workbench):
    """The app without a face.

    Args:
        data_dir: where everything is kept.
        timing: the listeners' clocks; tests shorten them.

    Attributes:
        events: everything that happens, for whoever watches.
        profiles, secrets, history, batches, outbox, settings: the stores.
        supervisor: the running profiles; there once the host has started.
        notices: what a person must know about how the stores were opened (a damaged file set aside).
        crashes: reports of the app's own failures.
        online_since: for each profile that is online, since when (seconds since the epoch).
    """

    def __init__(self, data_dir: DataDir, *, timing: Timing = Timing()) -> None:  # noqa: B008 - frozen
        self.data_dir = data_dir
        self.events: Signal[Event] = Signal()
        self._timing = timing
        self._db = Database(data_dir.database)
        self.profiles = ProfileStore(self._db)
        self.settings = SettingsStore(self._db)
        self.history = History(self._db)
        self.batches = Batches(self._db)
        self.outbox = Outbox(self._db)
        self.secrets = Secrets()
        self.crashes = CrashReports(data_dir.crashes, self.secrets.known)
        self._lock = FileLock(data_dir.lock)
        self._proxy = ProxyChoice()
        self.online_since: dict[str, float] = {}
        self.notices: tuple[str, ...] = ()
        self._serving = False
        self._log_handler: AppLogHandler | None = None
        self._undo: list[Callable[[], None]] = []
        self._upkeep: tuple[asyncio.Task[None], ...] = ()

    async def start(self, *, serve: bool = True, who: str = "plugdeck") -> None:
        """Opens the stores; with `serve`, takes the right to serve this data directory, for `who`.

        Raises:
            StoreError: the data directory cannot be used, or another process serves it.
        """
        # Else a thread that computes (the writer) may keep the loop waiting for 5 ms after each of its system calls.
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self.data_dir.create()
        if serve:
            self._lock.acquire(who)
            self._serving = True
        await self._db.open()
        await self.profiles.load()
        await self.settings.load()
        self.history.hide(self.secrets.known)
        self.recorder = Recorder(self.history, self.events)
        self._cache = Cache(self.data_dir.cache, self.settings.current.cache_limit_mb * 1024**2)
        self._assets = Assets(self._cache)
        self._apply(self.settings.current)
        self._undo.append(self.settings.changed.connect(self._apply))
        self.supervisor = Supervisor(
            Shared(
                history=self.history,
                outbox=self.outbox,
                batches=self.batches,
                assets=self._assets,
                recorder=self.recorder,
                timing=self._timing,
                make_runner=self._runner,
                secret=self._secret,
                api_key=self.secrets.api_key,
                on_bug=self.bug,
                on_status=self._status_changed,
                on_model=self.events.emit,
            )
        )
        self._log_handler = AppLogHandler(self.recorder, asyncio.get_running_loop())
        logging.getLogger("desktop_app").addHandler(self._log_handler)
        aio.set_bug_handler(self.bug)
        self._undo.append(self.profiles.changed.connect(self.events.emit))
        self.notices = tuple(filter(None, (self._db.notice, *self.profiles.notices, *self.settings.notices)))
        for notice in self.notices:
            self.recorder.log(Level.ERROR, notice)
        if serve:
            self._log_file = LogFile(self.data_dir.logs, self._db.redactor.text)
            self._undo += [self.events.connect(self._keep_lines), self._log_file.close]
            self._adopt_dumps()
            await upkeep.end_orphans(self.history, self.recorder, self.profiles)
            self._upkeep = (
                aio.spawn(upkeep.follow_profiles(self.profiles, self.supervisor), name="follow profiles"),
                aio.spawn(upkeep.notice_changes(self.supervisor.renew), name="notice changes"),
                aio.spawn(upkeep.keep_within_bounds(self.history, self.settings), name="prune"),
            )

    async def stop(self, drain_s: float = 3.0) -> None:
        """Stops serving: running jobs may finish for so long; then workers, connections and stores are closed."""
        await aio.cancel_and_wait(*self._upkeep)
        if hasattr(self, "supervisor"):
            await self.supervisor.stop_all(drain_s)
            await self._assets.close()
            self.recorder.flush()
        aio.set_bug_handler(None)
        if self._log_handler is not None:
            logging.getLogger("desktop_app").removeHandler(self._log_handler)
            self._log_handler = None
        for undo in self._undo:
            undo()
        self._undo.clear()
        self._proxy.restore()
        await self._db.close()
        if self._serving:
            self._lock.release()
            self._serving = False

    async def warm_up(self) -> None:
        """Loads, beside the loop, what serving needs; so the window is there before it."""
        if any(name not in sys.modules for name in SERVING):
            await asyncio.to_thread(lambda: [import_module(name) for name in SERVING])

    def known_secrets(self) -> tuple[str, ...]:
        """Every secret and API key of this run, in all the ways they may be written: what no text may hold."""
        return self._db.redactor.known()

    def served_by(self) -> str:
        """Which other process serves this data directory, as "plugdeck run (process 4711)"; empty for none."""
        return "" if self._lock.held or self._lock.is_free() else self._lock.holder()

    def served_since(self) -> float | None:
        """Since when another process serves this data directory, or None."""
        return self._lock.held_since() if self.served_by() else None

    def status(self, profile_id: str) -> ProfileStatus:
        """What a profile is doing."""
        return self.supervisor.status(profile_id)

    def model_info(self, profile_id: str) -> dict[str, Any] | None:
        """What the worker of a running profile said of its model, or None."""
        return self.supervisor.info(profile_id)

    async def start_profile(self, profile_id: str, rest: RestServer | None = None) -> None:
        """Serves a profile.

        Args:
            rest: the open port where the hub calls it; None: we call the hub.
        """
        await self.warm_up()
        await self.supervisor.settled(profile_id)
        self.supervisor.start(self.profiles.get(profile_id), rest)

    async def stop_profile(self, profile_id: str, drain_s: float = 3.0) -> None:
        """Stops serving a profile; jobs that do not finish in time end with an error, which the hub hears."""
        await self.supervisor.stop(profile_id, drain_s, for_good=True)

    async def restart_worker(self, profile_id: str) -> None:
        """Gives a running profile a new worker."""
        await self.supervisor.restart_worker(profile_id)

    async def start_enabled(self) -> None:
        """Serves all profiles that are enabled."""
        await self.warm_up()
        for profile in self.profiles.all():
            if profile.enabled:
                self.supervisor.start(profile)

    def pending(self) -> tuple[int, int]:
        """How many jobs are not answered yet, and how many answers wait for the hub."""
        return self.supervisor.pending() if hasattr(self, "supervisor") else (0, 0)

    def hurry(self) -> None:
        """Cuts the drain of a `stop` short that is under way: running jobs do not finish any more."""
        self.supervisor.hurry()

    def pause(self, job_id: str, paused: bool) -> bool:
        """Holds a job over a whole project, or lets it go on. False if none runs."""
        return self.supervisor.pause(job_id, paused)

    def cancel(self, job_id: str) -> bool:
        """Ends a job; the hub hears of it. False if it is over already."""
        return self.supervisor.cancel(job_id)

    async def add_profile(self, profile: Profile, secret: str | None, token: str | None = None) -> str:
        """Adds a profile and keeps its secret, and the token for its model server.

        Returns:
            "" or, where the secret could not be kept, a sentence that says what to do. The profile is added all the
            same.

        Raises:
            ProfileError: the name is taken, or the host is not https.
        """
        check_host(profile)
        await self.profiles.save(profile)
        return await self._keep_secret(profile, secret, token)

    async def update_profile(self, profile: Profile, secret: str | None = None, token: str | None = None) -> str:
        """Replaces a profile (same id), with a new secret and a new token for its model server where they are given;
        served anew if it was running.

        Raises:
            ProfileError: the name is taken, or the host is not https.
        """
        check_host(profile)
        running = profile.id in self.supervisor.running
        old = self.profiles.get(profile.id)
        await self.profiles.save(profile)
        if secret is None and old.name != profile.name:
            secret = await self._old_secret(old)
        warning = await self._keep_secret(profile, secret, token)
        if token is None and isinstance(old.source, RemoteSource) and not old.source.same_server(profile.source):
            # It was given for another server, which is not to be told of it.
            try:
                await self.secrets.delete_token(old)
            except SecretError as error:
                warning = f"{warning} {error}".strip()
        if running and (old != profile or secret is not None or token is not None):
            await self.supervisor.stop(profile.id)
            self.supervisor.start(profile)
        return warning

    async def remove_profile(self, profile_id: str) -> None:
        """Stops and forgets a profile and its secret; its history stays."""
        profile = self.profiles.get(profile_id)
        await self.supervisor.stop(profile_id, for_good=True)
        await self.profiles.remove(profile_id)
        try:
            await self.secrets.delete(profile)
        except SecretError as error:
            log.warning("the secret of %s could not be removed: %s", profile.name, error)

    async def import_profile(self, file: Path) -> Profile:
        """Adds the profile of an exported file (`.plugdeck`); its secret is not in there.

        Raises:
            ProfileError: the file cannot be read or holds no profile, or its name is taken.
        """
        try:
            text = await asyncio.to_thread(file.read_text, encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise ProfileError(
                f"The file cannot be read: {reason}",
                where=str(file),
                remedy="Use a file made by: plugdeck profiles export NAME FILE",
            ) from error
        profile = self.profiles.import_text(text)
        await self.add_profile(profile, None)
        return profile

    def bug(self, error: BaseException, where: str) -> None:
        """Writes a crash report for an error that is ours; the app goes on."""
        text = "".join(traceback.format_exception(error))
        try:
            path = self.crashes.write(text, where)
        except StoreError:
            log.exception("no crash report could be written")
            return
        self.recorder.log(Level.CRITICAL, f"Plugdeck failed in {where}; a report was written: {path}", details=text)

    def _apply(self, settings: Settings) -> None:
        """Puts in force what the settings say of services."""
        self._cache.limit = settings.cache_limit_mb * 1024**2
        self._proxy.use(settings.proxy)

    def _status_changed(self, status: ProfileStatus) -> None:
        if status.state in (ProfileState.ONLINE, ProfileState.BUSY):
            self.online_since.setdefault(status.profile_id, time.time())
        else:
            self.online_since.pop(status.profile_id, None)
        self.events.emit(StatusChanged(status))

    def _keep_lines(self, event: Event) -> None:
        if isinstance(event, Logged):
            self._log_file.append(event.lines)

    def _adopt_dumps(self) -> None:
        try:
            self.crashes.adopt_dumps()
        except StoreError as error:
            log.warning("what an earlier crash left cannot be read: %s", error)

    async def _keep_secret(self, profile: Profile, secret: str | None, token: str | None = None) -> str:
        complaints = []
        for value, keep in ((secret, self.secrets.put), (token, self.secrets.put_token)):
            if not value:
                continue
            try:
                await keep(profile, value)
            except SecretError as error:
                complaints.append(str(error))
        return " ".join(complaints)

    async def _old_secret(self, old: Profile) -> str | None:
        try:
            return await self.secrets.get(old)
        except SecretError:
            return None
