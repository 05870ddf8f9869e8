"""Writes `v<LATEST>.sql` beside this file: a small database of the present version with something in every table."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
from pathlib import Path

from desktop_app.core.events import Level, LogLine
from desktop_app.core.job import JobRecord, JobState, StepTimings
from desktop_app.core.profile import CallbackSource, OnnxSource, Profile
from desktop_app.store.batches import Batches, BatchRow, Outcome
from desktop_app.store.database import Database
from desktop_app.store.history import History
from desktop_app.store.migrations import LATEST
from desktop_app.store.outbox import Outbox, OutboxRow
from desktop_app.store.profiles import ProfileStore
from desktop_app.store.settings import SettingsStore

ANSWER = {
    "objects": [
        {"bounding-box": {"x": 1.5, "y": 2, "width": 30, "height": 40}, "schemaId": "a1", "title": "car"},
        {"bounding-box": {"x": 100, "y": 2, "width": 9, "height": 20}, "schemaId": "b2", "title": "traffic light"},
    ],
    "classifications": [],
    "relations": [],
}


async def fill(path: Path) -> None:
    """Uses the stores as the app does."""
    db = Database(path)
    await db.open()
    profiles, history = ProfileStore(db), History(db)
    onnx, script = OnnxSource(path=Path("/models/vehicles.onnx")), CallbackSource(script=Path("/scripts/plates.py"))
    host = "https://api.ango.ai"
    await profiles.save(Profile(id="p-vehicles", name="Vehicles", host=host, plugin_id="65f0c0ffee", source=onnx))
    await profiles.save(Profile(id="p-plates", name="Plate reader", host=host, plugin_id="65f0c0ffef", source=script))
    await SettingsStore(db).change(theme="dark", cache_limit_mb=512)
    ends = (JobState.DELIVERED, JobState.FAILED, JobState.CANCELLED, JobState.RUNNING)
    for number, end in enumerate(ends, start=1):
        at = 1_760_000_000.0 + number
        fields = {"external_id": f"street_{number}.jpg", "url": f"https://bucket.example/street_{number}.jpg"}
        record = JobRecord(f"j{number}", f"s{number}", "p-vehicles", "Vehicles", JobState.QUEUED, at, at, **fields)
        history.record(record)
        history.store_payload(record.id, {"session": record.session, "apiKey": "k", "dataURL": record.url})
        if end is JobState.DELIVERED:
            notes = ["1 prediction dropped: class “truck” is not mapped"]
            response = {"response": ANSWER, "session": record.session}
            history.store_answer(record.id, ANSWER, response, notes, [{"class": "car", "score": 0.93}])
        timings = StepTimings(fetch=20.5, queue=1.0, run=150.0, build=2.0, deliver=11.0, total=184.5)
        parts = {"objects": 2, "dropped": 1, "width": 1920, "height": 1080, "timings": timings}
        await history.record(
            JobRecord(
                record.id, record.session, "p-vehicles", "Vehicles", end, at, at + 1,
                error="The script raised" if end is JobState.FAILED else "", **fields,
                **(parts if end is JobState.DELIVERED else {}),
            )
        )  # fmt: skip
    history.log(
        [
            LogLine(1_760_000_000.0, Level.INFO, "the model is loaded", "worker", "p-vehicles", "Vehicles"),
            LogLine(1_760_000_002.0, Level.ERROR, "The script raised", "script", "p-vehicles", "Vehicles", "s2", "j2"),
        ]
    )
    await Outbox(db).put(OutboxRow("j4", "p-vehicles", "s4", "socket", '{"error": true, "session": "s4"}', at))
    batches = Batches(db)
    batches.begin(BatchRow("j4", "p-vehicles", "project-1", "plan-1"))
    await batches.settle("j4", [Outcome("a1", objects=3), Outcome("a2", "b.png", "it is no picture")], page=2, total=9)
    await history.count()
    await db.close()


def dump(path: Path) -> str:
    """The database as SQL. The text indexes are rebuilt from their tables: their own tables are FTS5's business."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        master = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' "
            "ORDER BY type = 'trigger', rowid"
        ).fetchall()
        virtual = [name for _, name, sql in master if sql.upper().startswith("CREATE VIRTUAL")]
        own = [row for row in master if not any(row[1].startswith(f"{name}_") for name in virtual)]
        lines = [f"PRAGMA {name} = {connection.execute(f'PRAGMA {name}').fetchone()[0]};" for name in PRAGMAS]
        lines += [f"{sql};" for kind, _, sql in own if kind != "trigger"]
        for kind, name, _ in own:
            if kind == "table" and name not in virtual:
                columns = [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
                quoted = " || ', ' || ".join(f"quote({column})" for column in columns)
                for (values,) in connection.execute(f"SELECT {quoted} FROM {name}"):
                    lines.append(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({values});")
        lines += [f"{sql};" for kind, _, sql in own if kind == "trigger"]
        lines += INDEXING
    return "\n".join(lines) + "\n"


COLUMNS = "external_id, error, session, url, asset_id, task_id, classes"
INDEXING = (
    "INSERT INTO log_text (log_text) VALUES ('rebuild');",
    "UPDATE meta SET value = (SELECT max(n) FROM log) WHERE key = 'log_indexed';",
    f"INSERT INTO job_text (rowid, {COLUMNS}) SELECT n, {COLUMNS} FROM job WHERE ended IS NOT NULL;",
    "DELETE FROM job_unindexed;",
)
PRAGMAS = ("application_id", "user_version", "auto_vacuum")


def main() -> None:
    """Never replaces a file that is there."""
    target = Path(__file__).with_name(f"v{LATEST}.sql")
    with tempfile.TemporaryDirectory() as folder, target.open("x", encoding="utf-8") as file:
        asyncio.run(fill(Path(folder) / "plugdeck.db"))
        file.write(dump(Path(folder) / "plugdeck.db"))


if __name__ == "__main__":
    main()
