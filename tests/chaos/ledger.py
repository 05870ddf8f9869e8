"""What was sent, what was answered, and whether that is right.

What is true of the real hub (facts: hub-protocol) and is therefore the rule here:

- Nothing acknowledges a job. One whose event was lost on the way (cut in the middle, sent into a connection that was
  dead already, or read by an app that was killed before the job was on its disk) never reached the app: the app's
  history does not know it. The hub sends it again, with the same session, as a person does who sees nothing come back.
  Such a loss needs a fault at that time: without one it is the app that lost it.
- Whatever the app's history knows is the app's to answer, whatever happens: such a session is never helped along.
- Nothing acknowledges an answer either, so the same answer may come more than once. Two different ones never.
  Addresses count without their queries: those carry signatures, which are not on disk and not the same after a restart.
- A workflow job is answered over HTTP with a key that is never on disk. If the app is killed after the hub took the
  answer and before the app knew it, what is left of the job can only end as an error: that is the one case in which an
  error may follow an answer, and only where the app was killed in between.
"""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SLACK_S = 10.0
"""So long before and after a fault it may be what a job was lost to: a slow machine is late with everything."""

_QUERY = re.compile(r"(https?://[^\s\"?]*)\?[^\s\"]*")

HARMLESS = ("two different responses for one session",)
"""Protocol errors of the demo hub that are looked at here with the queries left out."""


@dataclass(slots=True)
class Fault:
    """One thing that was broken; times in seconds since the epoch."""

    name: str
    began: float
    ended: float = float("inf")


@dataclass(slots=True)
class Entry:
    """One session.

    Attributes:
        sent: when its job went out, each time.
        answers: different answers, as text that can be compared: "error", or JSON without queries.
        times: of all answers, repeated ones too.
    """

    session: str
    plugin: str
    workflow: bool
    sent: list[float] = field(default_factory=list)
    answers: dict[str, float] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    lost: int = 0

    @property
    def answered(self) -> bool:
        """Whether anything came back."""
        return bool(self.answers)

    @property
    def failed(self) -> bool:
        """Whether all that came back is an error."""
        return set(self.answers) == {"error"}


class Ledger:
    """Reads the hub's journal as it grows.

    Attributes:
        entries: by session.
        refused: sessions whose job the hub could not send, since the plugin was not online.
        online: plugin id to whether the hub saw it online last.
        problems: what the hub noted against the protocol.
        answered: how many sessions have an answer.
        ups: how many times the hub has come up.
    """

    def __init__(self, journal: Path) -> None:
        self._path = journal
        self._offset = 0
        self.entries: dict[str, Entry] = {}
        self.refused: list[str] = []
        self.online: dict[str, bool] = {}
        self.problems: list[str] = []
        self.answered = 0
        self.ups = 0

    def read(self) -> None:
        """Takes in what was written since the last look; a line that is not whole yet waits for the next."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return
        whole, _, _ = data.rpartition(b"\n")
        if not whole:
            return
        self._offset += len(whole) + 1
        for line in whole.split(b"\n"):
            self._take(json.loads(line))

    def expect(self, session: str, plugin: str, *, workflow: bool) -> Entry:
        """Opens the page of a session that is about to be sent."""
        return self.entries.setdefault(session, Entry(session, plugin, workflow))

    def _take(self, line: dict[str, Any]) -> None:
        kind, at = line["kind"], line["at"]
        if kind == "up":
            self.ups += 1
            self.online.clear()
        elif kind == "online":
            self.online[line["plugin"]] = line["online"]
        elif kind == "offline":
            self.refused.append(line["session"])
        elif kind == "problem":
            if line["text"] not in HARMLESS:
                self.problems.append(f"{line['text']} (session {line['session'] or 'none'}): {line['data']!r:.300}")
        else:
            entry = self.entries.get(line["session"])
            if entry is None:
                self.problems.append(f"{kind} for the session {line['session']!r}, which was never sent")
            elif kind == "sent":
                entry.sent.append(at)
            else:
                self.answered += not entry.answers
                entry.answers.setdefault(_comparable(kind, line["data"]), at)
                entry.times.append(at)


def _comparable(kind: str, data: Any) -> str:
    if kind == "response" and data.get("error") is True:
        return "error"
    return kind + " " + _QUERY.sub(r"\1", json.dumps(data, sort_keys=True))


def recorded(database: Path) -> dict[str, list[tuple[str, str]]]:
    """Session to the states and errors of its jobs in the app's history; empty before there is one."""
    if not database.exists():
        return {}
    found: dict[str, list[tuple[str, str]]] = {}
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=30)) as connection:
        connection.execute("PRAGMA query_only = ON")
        for session, state, error in connection.execute("SELECT session, state, error FROM job"):
            found.setdefault(session, []).append((state, error))
    return found


def integrity(database: Path) -> str:
    """What SQLite's full check says: "ok", or what is wrong."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=30)) as connection:
        return "; ".join(str(row[0]) for row in connection.execute("PRAGMA integrity_check"))


def wrong(ledger: Ledger, history: dict[str, list[tuple[str, str]]], faults: list[Fault]) -> list[str]:
    """Everything that must not be, one sentence each; empty is what the product promises."""
    found = list(ledger.problems)
    kills = [fault.began for fault in faults if fault.name.startswith(("app killed", "app told"))]
    for entry in ledger.entries.values():
        name = f"session {entry.session} ({entry.plugin}{', workflow' if entry.workflow else ''})"
        if not entry.answered:
            found.append(f"{name} has no answer; the app's history says {history.get(entry.session)}")
        elif len(entry.answers) > 1 and not _settled_by_a_kill(entry, kills):
            found.append(f"{name} has {len(entry.answers)} different answers: {[a[:200] for a in entry.answers]}")
        jobs = history.get(entry.session, [])
        if len(jobs) != 1:
            found.append(f"{name} has {len(jobs)} jobs in the history")
        elif jobs[0][0] not in ("delivered", "failed", "cancelled"):
            found.append(f"{name} ended as {jobs[0][0]} in the history")
        elif len(entry.answers) == 1 and (jobs[0][0] == "delivered") is entry.failed:
            found.append(f"{name}: the history says {jobs[0]}, the hub heard {[a[:200] for a in entry.answers]}")
        found += [
            f"{name} was sent and never reached the history, although nothing was broken"
            for at in entry.sent[: entry.lost]
            if not any(fault.began - SLACK_S <= at <= fault.ended + SLACK_S for fault in faults)
        ]
    return found


def _settled_by_a_kill(entry: Entry, kills: list[float]) -> bool:
    if not entry.workflow or len(entry.answers) != 2 or "error" not in entry.answers:
        return False
    error = entry.answers["error"]
    other = next(at for answer, at in entry.answers.items() if answer != "error")
    return any(other - SLACK_S <= kill <= error for kill in kills)
