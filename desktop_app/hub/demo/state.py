"""What the demo hub knows: its project, its plugins, the sessions it started and everything it has seen.

Plain data, no network. The shapes of JSON objects are those of facts: hub-protocol and annotation-format.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

JsonObject = dict[str, Any]

STAGES = ("Label", "Review", "Complete")
"""The workflow of the sample project; `nextStage=true` moves a task one further."""


def empty_answer() -> JsonObject:
    """A task's answer with nothing in it, in the form the hub keeps (`tools`, not `objects`)."""
    return {"tools": [], "classifications": [], "relations": []}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the sample project.

    Attributes:
        id: 24 hexadecimal digits, the same on every start for the same file name.
        external_id: the file name.
        path: where its bytes are.
        media_type: such as "image/jpeg".
        batches: ids of the batches it belongs to.
    """

    id: str
    external_id: str
    path: Path
    media_type: str
    batches: tuple[str, ...] = ()

    @property
    def is_picture(self) -> bool:
        """Whether a vision model can be run on it."""
        return self.media_type.startswith("image/")


@dataclass(frozen=True, slots=True)
class Annotation:
    """One `POST /v2/annotate/{taskId}` that was accepted.

    Attributes:
        session: the session whose job it answered, "" where the API key belongs to none.
        query: the call's query, such as `{"nextStage": "true", "isPlugin": "true"}`.
        body: exactly as received.
    """

    session: str
    query: dict[str, str]
    body: JsonObject

    @property
    def next_stage(self) -> bool:
        """Whether the caller asked to move the task on."""
        return self.query.get("nextStage") == "true"

    @property
    def is_plugin(self) -> bool:
        """Whether the caller said that it is a plugin (clients from 1.3.29 on)."""
        return self.query.get("isPlugin") == "true"


@dataclass(slots=True)
class Task:
    """A labeling task of the sample project; one per asset.

    Attributes:
        answer: `{"tools", "classifications", "relations"}`; tests may set it.
        brush_data_url, medical_brush_data_url: the stored masks, or None.
        annotations: every accepted annotate call, oldest first.
        pre_labeled: labels were imported for it.
    """

    id: str
    asset_id: str
    stage: str = STAGES[0]
    answer: JsonObject = field(default_factory=empty_answer)
    brush_data_url: str | None = None
    medical_brush_data_url: str | None = None
    annotations: list[Annotation] = field(default_factory=list)
    pre_labeled: bool = False

    def advance(self) -> None:
        """Moves the task to the next stage; from the last one it does not move."""
        self.stage = STAGES[min(STAGES.index(self.stage) + 1, len(STAGES) - 1)]


@dataclass(frozen=True, slots=True)
class SessionLog:
    """One line of a session's log.

    Attributes:
        fields: the whole event, extra keyword data included.
    """

    level: str
    message: str
    fields: JsonObject = field(repr=False)


class Outcome(StrEnum):
    """How a session stands."""

    OPEN = "open"
    ANSWERED = "answered"
    """A success `response` came."""
    ANNOTATED = "annotated"
    """A workflow job's task was annotated over HTTP."""
    FAILED = "failed"
    """An error `response` came first."""


@dataclass(slots=True, eq=False)
class Session:
    """One plugin run.

    Attributes:
        job: the `plugin` event's object as sent; holds the session's API key.
        sent: how many times the job went out (see `DemoHub.resend`).
        logs: log lines, in order of arrival.
        responses: every `response` event of this session, oldest first. More than one is a duplicate; two that
            differ are also recorded as a protocol error.
        annotations: every accepted annotate call made for this session.
        sent_at, finished_at: seconds of the monotonic clock; `finished_at` is None while the session is open.
    """

    id: str
    plugin_id: str
    job: JsonObject = field(repr=False)
    api_key: str = field(repr=False)
    asset_id: str | None = None
    task_id: str | None = None
    workflow: bool = False
    sent: int = 0
    logs: list[SessionLog] = field(default_factory=list)
    responses: list[JsonObject] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    outcome: Outcome = Outcome.OPEN
    sent_at: float = field(default_factory=time.monotonic)
    finished_at: float | None = None
    _done: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def done(self) -> bool:
        """Whether the plugin has answered, one way or the other."""
        return self.outcome is not Outcome.OPEN

    @property
    def error(self) -> bool:
        """Whether the first answer was an error response."""
        return self.outcome is Outcome.FAILED

    @property
    def response(self) -> Any:
        """What the first response carried under `response`; None before it, and for an error or a workflow job."""
        return self.responses[0].get("response") if self.responses else None

    @property
    def elapsed_ms(self) -> float | None:
        """Milliseconds from sending the job to its answer, or None while the session is open."""
        return None if self.finished_at is None else (self.finished_at - self.sent_at) * 1000

    def finish(self, outcome: Outcome) -> None:
        """Sets the outcome; only the first one counts."""
        if self.outcome is Outcome.OPEN:
            self.outcome = outcome
            self.finished_at = time.monotonic()
            self._done.set()

    async def wait(self, timeout: float) -> Session:  # noqa: ASYNC109 - its message names the session
        """Waits for the answer, at most `timeout` seconds, and returns the session itself.

        Raises:
            TimeoutError: the session is still open; the message names it.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._done.wait()
        except TimeoutError:
            raise TimeoutError(f"session {self.id} of plugin {self.plugin_id} got no answer in {timeout:g} s") from None
        return self


@dataclass(slots=True, eq=False)
class Connection:
    """One Socket.IO connection to the namespace `/plugin`.

    Attributes:
        plugin_id: "" until a heartbeat logged it in.
        last_heartbeat: monotonic seconds of the last accepted heartbeat.
    """

    sid: str
    plugin_id: str = ""
    last_heartbeat: float = 0.0


@dataclass(slots=True, eq=False)
class Plugin:
    """A plugin that is registered with the hub.

    Attributes:
        kind: "model", "batch", "export", "file-explorer", "input" or "markdown".
        class_names: the model classes a person maps when running it.
        connections: logged in, oldest first. The newest one gets the jobs: after a network loss the older one
            may be dead without anybody knowing. The older ones stay open and may still answer, since closing
            one would end the process of a published client.
        heartbeats: accepted ones, over all connections.
        logins: connections that were logged in so far.
        guest: nobody registered it; a hub that accepts all took it in.
    """

    id: str
    secret: str = field(repr=False)
    kind: str = "model"
    class_names: tuple[str, ...] = ()
    connections: list[Connection] = field(default_factory=list)
    heartbeats: int = 0
    logins: int = 0
    guest: bool = False


class EventKind(StrEnum):
    """What happened."""

    CONNECT = "connect"
    DISCONNECT = "disconnect"
    HEARTBEAT = "heartbeat"
    LOGIN_REFUSED = "login refused"
    PLUGIN = "plugin"
    LOG = "log"
    RESPONSE = "response"
    HTTP = "http"
    PROTOCOL_ERROR = "protocol error"


@dataclass(frozen=True, slots=True)
class HubEvent:
    """One thing the hub saw or did.

    Attributes:
        number: counts from 1; no two events share one.
        at: seconds since the epoch.
        plugin_id, session: "" where the event belongs to none.
        text: for people; for a protocol error, what was wrong.
        data: the event's payload exactly as received or sent. For HTTP:
            `{"method", "path", "query", "body", "status", "key"}`, `body` the JSON body or None and `key`
            "user", "session", "wrong", "missing" or, for files, "signed". May hold secrets, so it is not in the repr.
    """

    number: int
    at: float
    kind: EventKind
    plugin_id: str
    session: str
    text: str
    data: Any = field(repr=False)


class Recorder:
    """Keeps the last events and wakes whoever waits for something to become true.

    Args:
        limit: how many events are kept.
        listener: called with every event, after it was kept.
    """

    def __init__(self, limit: int, listener: Callable[[HubEvent], None]) -> None:
        self._limit = limit
        self._listener = listener
        self._events: list[HubEvent] = []
        self._count = 0
        self._waiting: set[asyncio.Event] = set()

    @property
    def events(self) -> list[HubEvent]:
        """The kept events, oldest first; a copy."""
        return self._events[-self._limit :]

    def add(
        self, kind: EventKind, *, plugin_id: str = "", session: str = "", text: str = "", data: Any = None
    ) -> HubEvent:
        """Records one event."""
        self._count += 1
        event = HubEvent(self._count, time.time(), kind, plugin_id, session, text, data)
        self._events.append(event)
        # Cutting only now and then keeps adding cheap.
        if len(self._events) >= 2 * self._limit:
            del self._events[: -self._limit]
        self._listener(event)
        self.wake()
        return event

    def wake(self) -> None:
        """Lets every waiter look again."""
        for waiting in self._waiting:
            waiting.set()

    async def wait_until(self, condition: Callable[[], bool], timeout: float) -> None:  # noqa: ASYNC109 - for callers' ease
        """Returns as soon as the condition holds; it is looked at now and after every event.

        Raises:
            TimeoutError: it did not hold within `timeout` seconds.
        """
        changed = asyncio.Event()
        self._waiting.add(changed)
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    changed.clear()
                    await changed.wait()
        finally:
            self._waiting.discard(changed)


def of_kind(events: Iterable[HubEvent], kind: EventKind) -> list[HubEvent]:
    """The events of one kind, in their order."""
    return [event for event in events if event.kind is kind]
