"""Log lines on their way to `POST /v2/pluginLog`, in order within each session (facts: hub-protocol, HTTP API)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from desktop_app.core import aio
from desktop_app.core.errors import HubError, HubRefused
from desktop_app.hub.client import HubClient

log = logging.getLogger(__name__)

KEPT_LINES = 2_000
"""Of one session; of a flood that the hub is too slow for, the latest are kept."""
TRIES = 8
"""Of one line; after them the session's lines are given up."""
PLAIN_KEYS = ("level", "organization", "pluginId", "runBy", "session", "msg")


@dataclass(eq=False, slots=True)
class _Session:
    api_key: str
    lines: deque[dict[str, Any]] = field(default_factory=deque)
    left_out: int = 0
    over: bool = False
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class SessionLogs:
    """Sends the lines of the sessions at hand, one after the other within each."""

    def __init__(self, client: HubClient) -> None:
        self._client = client
        self._sessions: dict[str, _Session] = {}

    def begin(self, session: str, api_key: str | None) -> None:
        """A session has come; without a key its lines stay here."""
        if api_key and session not in self._sessions:
            self._sessions[session] = _Session(api_key)

    def api_key(self, session: str) -> str | None:
        """The key of a session at hand."""
        known = self._sessions.get(session)
        return known.api_key if known else None

    def add(self, session: str, line: dict[str, Any]) -> None:
        """Adds a line; never waits."""
        known = self._sessions.get(session)
        if known is None:
            return
        try:
            json.dumps(line, allow_nan=False)
        except (ValueError, TypeError, RecursionError):
            # What a script adds to its lines is its own affair, but the line itself must get there.
            line = {key: line.get(key) for key in PLAIN_KEYS}
        if len(known.lines) >= KEPT_LINES:
            known.lines.popleft()
            known.left_out += 1
        known.lines.append(line)
        if known.task is None:
            known.idle.clear()
            known.task = aio.spawn(self._send(session, known), name=f"log of {session}")

    async def sent(self, session: str, limit_s: float) -> None:
        """Returns once the session's lines are with the hub, or after so long."""
        known = self._sessions.get(session)
        if known is not None and known.task is not None:
            try:
                await asyncio.wait_for(known.idle.wait(), limit_s)
            except TimeoutError:
                pass

    def end(self, session: str) -> None:
        """The session is over: it is forgotten once its lines are sent."""
        known = self._sessions.get(session)
        if known is not None:
            known.over = True
            if known.task is None:
                del self._sessions[session]

    async def close(self, limit_s: float) -> None:
        """Lines that are on their way get so long."""
        tasks = [known.task for known in self._sessions.values() if known.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=limit_s)
        await aio.cancel_and_wait(*tasks)
        self._sessions.clear()

    async def _send(self, session: str, known: _Session) -> None:
        try:
            while known.lines:
                line = known.lines.popleft()
                if not await self._arrives(known.api_key, line):
                    known.left_out += len(known.lines) + 1
                    known.lines.clear()
        finally:
            known.task = None
            known.idle.set()
            if known.left_out:
                log.warning("%d log lines of session %s did not get to the hub", known.left_out, session)
                known.left_out = 0
            if known.over:
                self._sessions.pop(session, None)

    async def _arrives(self, api_key: str, line: dict[str, Any]) -> bool:
        """False where it is no use to go on."""
        waits = aio.backoff(1.0, limit=30.0)
        for left in reversed(range(TRIES)):
            try:
                await self._client.plugin_log(api_key, line)
                return True
            except HubRefused as error:
                log.info("a log line was not taken: %s", error)
                return error.status not in (401, 403, 404)
            except HubError as error:
                if not left:
                    log.info("the log lines of a session are given up: %s", error)
                    return False
            await asyncio.sleep(next(waits))
        return False
