"""A history of 1,000,000 jobs and 5,000,000 log lines: how soon the app has what it asks for, against the shell.

`python -m tests.bench.past FILE` makes such a database, or takes the one that is there, and prints the plan of every
query and whether it stays off whole-table scans.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from desktop_app.core.events import Level
from desktop_app.core.job import JobState
from desktop_app.store import lists
from desktop_app.store.database import Database
from desktop_app.store.history import History
from desktop_app.store.opening import open_for_writing
from desktop_app.store.rows import JOB_COLUMNS, LOG_COLUMNS
from desktop_app.store.search import JobFilter, LogFilter
from tests.bench.report import Bar, Line

JOBS, LINES = 1_000_000, 5_000_000
FIRST = 1_700_000_000.0
STEP = 30.0
ROUNDS = 9
PROFILES = [(f"p{number:02d}", f"Plugin {number}") for number in range(20)]
CLASSES = ("car", "van", "person", "dog", "bolt", "nut", "washer", "rust")

Ask = Callable[[History], Awaitable[Any]]
Read = Callable[[sqlite3.Connection], Any]


def history() -> list[Line]:
    """Every read that the history's page and the log make, as the window waits for it."""
    if shutil.which("sqlite3") is None:
        raise RuntimeError("there is no sqlite3 shell on this machine")
    kept = os.environ.get("PLUGDECK_BENCH_HISTORY")
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as folder:
        path = Path(kept) if kept else Path(folder) / "plugdeck.db"
        make(path)
        return asyncio.run(_measure(path))


def queries() -> dict[str, tuple[Ask, Read]]:
    """By what the person does: through the app, and on a bare connection."""
    middle = (FIRST + STEP * (JOBS // 2), f"j{JOBS // 2}")
    chosen: dict[str, tuple[JobFilter, tuple[float, str] | None]] = {
        "open": (JobFilter(), None),
        "scroll to the middle": (JobFilter(), middle),
        "one plugin": (JobFilter(profile_id="p03"), None),
        "failed": (JobFilter(state=JobState.FAILED), None),
        "failed of one plugin": (JobFilter(profile_id="p03", state=JobState.FAILED), None),
        "a month": (JobFilter(since=FIRST + STEP * 400_000, until=FIRST + STEP * 486_000), None),
        "a rare class": (JobFilter(class_name="rust"), None),
        "a frequent class": (JobFilter(class_name="car"), None),
        "a word": (JobFilter(text="timeout"), None),
        "one asset": (JobFilter(text="asset_777777"), None),
        "replays": (JobFilter(replays=True), None),
        "replays of one job": (JobFilter(replay_of=f"j{JOBS - 1}"), None),
    }
    found: dict[str, tuple[Ask, Read]] = {}
    for name, (wanted, before) in chosen.items():
        found[name] = (
            lambda h, w=wanted, b=before: h.list(w, 200, b),  # type: ignore[misc]
            lambda c, w=wanted, b=before: lists.list_jobs(c, w, 200, b),  # type: ignore[misc]
        )
    for name, wanted in (("count all", JobFilter()), ("count a word", JobFilter(text="timeout"))):
        found[name] = (
            lambda h, w=wanted: h.count(w, 10_001),  # type: ignore[misc]
            lambda c, w=wanted: lists.count_jobs(c, w, 10_001),  # type: ignore[misc]
        )
    lines = {
        "log": LogFilter(),
        "log: warnings of one plugin": LogFilter(profile_id="p03", min_level=Level.WARNING),
        "log: a word": LogFilter(text="unreachable"),
    }
    for name, sought in lines.items():
        found[name] = (
            lambda h, w=sought: h.logs(w),  # type: ignore[misc]
            lambda c, w=sought: lists.list_log(c, w, 500, None),  # type: ignore[misc]
        )
    return found


async def _measure(path: Path) -> list[Line]:
    db = Database(path)
    began = time.perf_counter()
    await db.open()
    opened = (time.perf_counter() - began) * 1000
    line = Line("history", "history with 1,000,000 jobs", "sqlite3 shell, same query", "ms", Bar(1.5))
    line.more["database opened_ms"] = round(opened, 1)
    statements = capture(path)
    try:
        kept = History(db)
        for name, (ask, _) in queries().items():
            await ask(kept)
            shell = _shell(path, statements[name])
            ours = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                await ask(kept)
                ours.append((time.perf_counter() - began) * 1000)
            pair = (statistics.median(ours), shell)
            line.more[name] = [round(value, 2) for value in pair]
            line.pairs.append(pair)
    finally:
        await db.close()
    line.note = "median of all reads; the shell's time is of the statement alone, without its start; see the JSON"
    return [line]


def capture(path: Path) -> dict[str, list[str]]:
    """The statements behind each query, with their values in them."""
    found: dict[str, list[str]] = {}
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for name, (_, read) in queries().items():
        heard: list[str] = []
        connection.set_trace_callback(heard.append)
        read(connection)
        connection.set_trace_callback(None)
        found[name] = [statement for statement in heard if not statement.startswith("--")]
    connection.close()
    return found


def plans(path: Path) -> Iterator[tuple[str, str]]:
    """EXPLAIN QUERY PLAN of each statement."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for name, statements in capture(path).items():
        for statement in statements:
            yield name, "; ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}"))
    connection.close()


def _shell(path: Path, statements: list[str]) -> float:
    """Milliseconds that the shell says it needed, the median of as many rounds in one session, the first left out."""
    script = ".timer on\n.output /dev/null\n" + f"{';'.join(statements)};\n" * (ROUNDS + 1)
    told = subprocess.run(
        ["sqlite3", f"file:{path}?mode=ro"], input=script, capture_output=True, text=True, check=True, timeout=600
    )
    times = [float(found) * 1000 for found in re.findall(r"real ([0-9.]+)", told.stdout + told.stderr)]
    each = [sum(times[place : place + len(statements)]) for place in range(0, len(times), len(statements))]
    return max(statistics.median(each[1:]), 0.5)  # the shell's clock ticks in milliseconds


def make(path: Path, jobs: int = JOBS, lines: int = LINES) -> None:
    """Writes the database unless it is there."""
    if path.exists():
        return
    aside = path.with_suffix(".part")
    for old in (aside, Path(f"{aside}-wal"), Path(f"{aside}-shm")):
        old.unlink(missing_ok=True)
    connection, _ = open_for_writing(aside)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    places = ", ".join("?" * (len(JOB_COLUMNS) + 2))
    columns = f"{', '.join(JOB_COLUMNS)}, ended, classes"
    connection.executemany(f"INSERT INTO job ({columns}) VALUES ({places})", _jobs(jobs))
    while lists.index_jobs(connection, 20_000):
        pass
    places = ", ".join("?" * len(LOG_COLUMNS))
    connection.executemany(f"INSERT INTO log ({', '.join(LOG_COLUMNS)}) VALUES ({places})", _lines(lines, jobs))
    while lists.index_log(connection, 50_000):
        pass
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    aside.rename(path)


def _jobs(number: int) -> Iterator[tuple[Any, ...]]:
    chance = random.Random(5)
    for n in range(number):
        profile_id, profile_name = PROFILES[chance.randrange(len(PROFILES))]
        at, draw = FIRST + STEP * n, chance.random()
        state = "failed" if draw < 0.03 else "cancelled" if draw < 0.04 else "delivered"
        error = chance.choice(("The model hit its timeout", "The asset's host refused access")) if draw < 0.03 else ""
        classes = "\n".join(chance.sample(CLASSES[:-1], 2)) + ("\nrust" if n % 5000 == 0 else "")
        yield (
            f"j{n}", f"s{n:024x}", profile_id, profile_name, state, at, at + 1, error, "",
            f"https://assets.example/set/asset_{n:06d}.jpg", f"asset_{n:06d}.jpg", f"{n:024x}", f"{n + 7:024x}",
            "project-1", 0, f"/cache/{n % 256:02x}/{n:064x}.jpg", "image/jpeg", 1920, 1080, chance.randrange(40), 0,
            20.0, 1.0, 30.0 + chance.random() * 50, 2.0, 11.0, 70.0 + chance.random() * 50,
            f"j{n - 1}" if n % 1000 == 999 else None, state, classes,
        )  # fmt: skip


def _lines(number: int, jobs: int) -> Iterator[tuple[Any, ...]]:
    chance = random.Random(6)
    for n in range(number):
        job = n * jobs // number
        profile_id, profile_name = PROFILES[n % len(PROFILES)]
        draw = chance.random()
        level = 40 if draw < 0.01 else 30 if draw < 0.05 else 20
        word = (
            "the hub is unreachable" if draw < 0.001 else f"looked at {chance.choice(CLASSES)} {chance.randrange(900)}"
        )
        yield (FIRST + STEP * job, level, word, "script", profile_id, profile_name, f"s{job:024x}", f"j{job}", "")


def main() -> None:
    """Prints the plans."""
    path = Path(sys.argv[1])
    make(path)
    for name, plan in plans(path):
        print(f"{name:30} {plan}")


if __name__ == "__main__":
    main()
