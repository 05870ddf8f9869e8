"""`plugdeck run`: serving without a window until a signal comes."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from desktop_app.cli.output import clean, complain, print_json_lines, say
from desktop_app.core import signals
from desktop_app.core.errors import UsageError
from desktop_app.core.events import Event, JobChanged, Level, Logged, LogLine, ProfileState, StatusChanged
from desktop_app.core.job import JobRecord, JobState
from desktop_app.core.profile import Profile
from desktop_app.host import Host

if TYPE_CHECKING:
    from desktop_app.hub.rest import RestServer
    from desktop_app.metrics.server import MetricsServer

TELL_S = 0.01
"""How long a JSON line waits for company."""
SIGTERM_DRAIN_S = 8.0
SIGINT_DRAIN_S = 2.5
"""Ctrl-C takes at most 5 s with all that has to be closed; SIGTERM at most 10 s."""


REST_ADDRESS = "127.0.0.1"
REST_PORT = 8080

REMEMBERED_JOBS = 200
"""How many ended jobs are known, so that one that is told of again is not printed twice."""


class Stop:
    """Waits for SIGINT or SIGTERM (or `now()`), those that came while nobody listened yet included.

    Attributes:
        drain_s: how long running jobs may finish after it.
        again: called when a second signal comes, which ends the drain.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.again: Callable[[], object] = lambda: None
        self.drain_s = SIGINT_DRAIN_S
        loop = asyncio.get_running_loop()
        for number in signals.STOPPING:
            try:
                loop.add_signal_handler(number, self._heard, number)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda got, _frame: loop.call_soon_threadsafe(self._heard, got))
        signals.release()

    @property
    def due(self) -> bool:
        """Whether it is time to stop."""
        return self._event.is_set()

    def _heard(self, number: int) -> None:
        if self._event.is_set():
            self.drain_s = 0.0
            self.again()
        else:
            self.drain_s = SIGTERM_DRAIN_S if number == signal.SIGTERM else SIGINT_DRAIN_S
        self._event.set()

    def now(self) -> None:
        """Stops without a signal."""
        self._event.set()

    async def wait(self) -> None:
        """Returns once it is time to stop."""
        await self._event.wait()


class Printer:
    """Tells the host's events on stdout, for people or as JSON lines.

    Args:
        warnings: whether the log's warnings are told too.
    """

    def __init__(self, host: Host, *, as_json: bool, warnings: bool = True) -> None:
        self._host = host
        self._json = as_json
        self._warnings = warnings
        self._last: dict[str, tuple[ProfileState, str]] = {}
        self._said: deque[tuple[str, str]] = deque(maxlen=50)
        self._ready: set[str] = set()
        self._ended: deque[str] = deque(maxlen=REMEMBERED_JOBS)
        self._on_end: Callable[[JobRecord], None] = lambda _: None
        self._events: list[dict[str, Any]] = []
        self._flush: asyncio.TimerHandle | None = None
        self._disconnect = host.events.connect(self._heard)

    def disconnect(self) -> None:
        """Says what is left to say, and nothing more after that."""
        self._disconnect()
        self._tell()

    def metrics(self, url: str) -> None:
        """Tells where the metrics are."""
        if self._json:
            self._note({"event": "metrics", "address": url})
        else:
            say(f"Metrics: {url}/metrics, health: {url}/healthz and {url}/readyz")

    def on_end(self, heard: Callable[[JobRecord], None]) -> None:
        """Names who hears of each job's terminal record."""
        self._on_end = heard

    def _heard(self, event: Event) -> None:
        if isinstance(event, StatusChanged):
            self._state(event)
        elif isinstance(event, JobChanged) and event.record.state.terminal:
            self._job(event.record)
        elif isinstance(event, Logged) and self._warnings:
            for line in event.lines:
                self._line(line)

    def _line(self, line: LogLine) -> None:
        """A warning that belongs to no job; jobs tell theirs in their own line."""
        if line.level < Level.WARNING or line.job_id or (line.profile_name, line.message) in self._said:
            return
        text = f"{line.profile_name or 'plugdeck'}: {line.level.name.lower()}: {line.message}"
        if self._json:
            complain(text)
        else:
            say(clean(text))

    def _state(self, event: StatusChanged) -> None:
        status = event.status
        name = self._name(status.profile_id)
        online = status.state in (ProfileState.ONLINE, ProfileState.BUSY)
        if online and status.profile_id not in self._ready:
            self._ready.add(status.profile_id)
            if self._json:
                self._note({"event": "ready", "profile": name})
        elif not online:
            self._ready.discard(status.profile_id)
        # For people, a plugin that has a job is online all the same.
        seen = ProfileState.ONLINE if online and not self._json else status.state
        if self._last.get(status.profile_id) == (seen, status.detail):
            return
        self._last[status.profile_id] = (seen, status.detail)
        if self._json:
            self._note({"event": "state", "profile": name, "state": status.state.value, "detail": status.detail})
            return
        self._said.append((name, f"{seen}: {status.detail}"))
        self._said.append((name, status.detail))
        say(clean(f"{name}: {seen}{f' ({status.detail})' if status.detail else ''}"))

    def _job(self, record: JobRecord) -> None:
        if record.id in self._ended:  # told again because its asset came late
            return
        self._ended.append(record.id)
        if self._json:
            self._note(job_event(record))
        else:
            say(clean(job_line(record)))
        self._on_end(record)

    def _note(self, event: dict[str, Any]) -> None:
        # Several in one write: each wakes the reader, and costs as much as all else that a quick job does here.
        self._events.append(event)
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(TELL_S, self._tell)

    def _tell(self) -> None:
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        events, self._events = self._events, []
        if events:
            print_json_lines(events)

    def _name(self, profile_id: str) -> str:
        return next((p.name for p in self._host.profiles.all() if p.id == profile_id), profile_id)


def job_event(record: JobRecord) -> dict[str, Any]:
    """The JSON line of a job that has ended."""
    return {
        "event": "job",
        "profile": record.profile_name,
        "session": record.session,
        "state": record.state.value,
        "error": record.error or None,
        "timings_ms": record.timings.as_dict(),
    }


def job_line(record: JobRecord) -> str:
    """One line for people."""
    total = record.timings.total
    took = f" in {total:.0f} ms" if total is not None else ""
    if record.state is JobState.CANCELLED:
        return f"{record.profile_name}: {record.session} {record.state}{took}"
    found = (
        f", {record.objects} annotation{'' if record.objects == 1 else 's'}"
        if not record.error
        else f": {record.error}"
    )
    dropped = f", {record.dropped} dropped" if record.dropped else ""
    return f"{record.profile_name}: {record.session} {record.state}{took}{found}{dropped}"


async def run(host: Host, options: argparse.Namespace, stop: Stop | None = None) -> int:
    """Serves the named profiles, or all enabled ones.

    Args:
        stop: what listens for the end already; nothing is begun if it came during the start.
    """
    chosen = [host.profiles.get(name) for name in options.profiles]
    chosen = chosen or [profile for profile in host.profiles.all() if profile.enabled]
    if not chosen:
        raise UsageError("There is no enabled profile to serve", remedy="Add one with: plugdeck profiles add")
    rest = _rest_server(options, chosen)
    metrics = _metrics_server(host, options, chosen)
    stop = stop or Stop()
    stop.again = host.hurry
    printer = Printer(host, as_json=options.json, warnings=options.log_format != "json")
    try:
        if rest is not None:
            await rest.open()
        if metrics is not None:
            await metrics.open()
            printer.metrics(metrics.url)
        for profile in chosen:
            if not stop.due:
                await host.start_profile(profile.id, rest)
        await stop.wait()
        if metrics is not None:
            metrics.draining = True
        if not options.json:
            say("Stopping: running jobs may finish. Ctrl-C again ends them.")
        await host.stop(stop.drain_s)
    finally:
        if rest is not None:
            await rest.close()
        if metrics is not None:
            await metrics.close()
    printer.disconnect()
    return 0


def _metrics_server(host: Host, options: argparse.Namespace, chosen: list[Profile]) -> MetricsServer | None:
    """Where the numbers are offered, not open yet; None where nobody asked for them.

    Raises:
        UsageError: the address is none.
    """
    if options.metrics is None:
        return None
    # Here and not above: who does not ask for them does not load the library.
    from desktop_app.metrics.collector import Metrics
    from desktop_app.metrics.server import MetricsServer, parse_address

    address, port = parse_address(options.metrics)
    return MetricsServer(Metrics(host, [profile.id for profile in chosen]), address, port)


def _rest_server(options: argparse.Namespace, chosen: list[Profile]) -> RestServer | None:
    """The port that the hub is to call, not open yet; None where we call the hub.

    Raises:
        UsageError: the options do not go together.
    """
    if not options.rest:
        if options.bind is not None or options.port is not None:
            raise UsageError("--bind and --port go with --rest", remedy="Add --rest, or leave them out.")
        return None
    if len(chosen) != 1:
        raise UsageError(
            f"--rest serves one profile, and {len(chosen)} are meant",
            remedy="Name one: plugdeck run PROFILE --rest. Start a second plugdeck, with another port and --data-dir, "
            "for another profile.",
        )
    from desktop_app.hub.rest import RestServer

    return RestServer(options.bind or REST_ADDRESS, REST_PORT if options.port is None else options.port)
