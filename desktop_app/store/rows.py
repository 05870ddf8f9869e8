"""Between the store's types and the columns they lie in."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection
from typing import Any

from desktop_app.core.events import Level, LogLine
from desktop_app.core.job import JobRecord, JobState, StepTimings
from desktop_app.store import redact

Row = tuple[Any, ...]

JOB_COLUMNS = (
    "id", "session", "profile_id", "profile_name", "state", "received_at", "updated_at", "error", "details", "url",
    "external_id", "asset_id", "task_id", "project_id", "workflow", "asset_path", "asset_type", "width", "height",
    "objects", "dropped", "fetch_ms", "queue_ms", "run_ms", "build_ms", "deliver_ms", "total_ms", "replay_of",
)  # fmt: skip
LOG_COLUMNS = (
    "at", "level", "message", "source", "profile_id", "profile_name", "session", "job_id", "details",
)  # fmt: skip

_LINE = 2_000
_TEXT = 200_000
_COMPRESS_FROM = 256
_LARGE = 32_768


def storable(value: str, limit: int = _LINE) -> str:
    """A text that SQLite takes and that has a bound: lone surrogates replaced, the rest cut with "…"."""
    if len(value) > limit:
        value = value[: limit - 1] + "…"
    if value.isascii():
        return value
    return value.encode("utf-8", "replace").decode("utf-8")


def job_row(record: JobRecord, known: Collection[str]) -> Row:
    """The values of JOB_COLUMNS, free of secrets."""
    timings = record.timings
    return (
        storable(record.id),
        storable(record.session),
        record.profile_id,
        record.profile_name,
        record.state.value,
        record.received_at,
        record.updated_at,
        storable(redact.text(record.error, known)) if record.error else "",
        storable(redact.text(record.details, known), _TEXT) if record.details else "",
        storable(redact.address(record.url, known)) if record.url else "",
        storable(redact.text(record.external_id, known)) if record.external_id else "",
        storable(record.asset_id),
        storable(record.task_id),
        storable(record.project_id),
        int(record.workflow),
        record.asset_path,
        storable(record.asset_type),
        record.width,
        record.height,
        record.objects,
        record.dropped,
        timings.fetch,
        timings.queue,
        timings.run,
        timings.build,
        timings.deliver,
        timings.total,
        record.replay_of,
    )


def job_record(row: Row) -> JobRecord:
    """The record of a row of JOB_COLUMNS."""
    return JobRecord(
        id=row[0],
        session=row[1],
        profile_id=row[2],
        profile_name=row[3],
        state=JobState(row[4]),
        received_at=row[5],
        updated_at=row[6],
        error=row[7],
        details=row[8],
        url=row[9],
        external_id=row[10],
        asset_id=row[11],
        task_id=row[12],
        project_id=row[13],
        workflow=bool(row[14]),
        asset_path=row[15],
        asset_type=row[16],
        width=row[17],
        height=row[18],
        objects=row[19],
        dropped=row[20],
        timings=StepTimings(row[21], row[22], row[23], row[24], row[25], row[26]),
        replay_of=row[27],
    )


def log_row(line: LogLine, known: Collection[str]) -> Row:
    """The values of LOG_COLUMNS, free of secrets."""
    return (
        line.at,
        int(line.level),
        storable(redact.text(line.message, known), _TEXT),
        line.source,
        line.profile_id,
        line.profile_name,
        storable(line.session) if line.session else "",
        line.job_id,
        storable(redact.text(line.details, known), _TEXT) if line.details else "",
    )


def log_line(row: Row) -> LogLine:
    """The line of a row of LOG_COLUMNS."""
    return LogLine(
        at=row[0],
        level=Level(row[1]),
        message=row[2],
        source=row[3],
        profile_id=row[4],
        profile_name=row[5],
        session=row[6],
        job_id=row[7],
        details=row[8],
    )


def packed(text: str, compress_from: int = _COMPRESS_FROM) -> bytes:
    """A text as it lies in a body column: compressed where that pays. Takes lone surrogates of a hostile job too."""
    plain = text.encode("utf-8", "surrogatepass")
    if len(plain) < compress_from:
        return b"u" + plain
    # Setting up zlib's usual window takes four times as long as compressing a typical body.
    window, memory = (-12, 5) if len(plain) < _LARGE else (-15, 8)
    press = zlib.compressobj(1, zlib.DEFLATED, window, memory)
    return b"z" + press.compress(plain) + press.flush()


def unpacked(body: bytes | None) -> str | None:
    """The text of a body column.

    Raises:
        ValueError: the bytes are none of ours.
    """
    if body is None:
        return None
    kind, rest = body[:1], body[1:]
    if kind == b"z":
        try:
            rest = zlib.decompress(rest, -15)
        except zlib.error as error:
            raise ValueError("a stored text cannot be unpacked") from error
    elif kind != b"u":
        raise ValueError("a stored text cannot be unpacked")
    return rest.decode("utf-8", "surrogatepass")


def from_json(body: bytes | None) -> Any:
    """The JSON value of a body column, None where there is none."""
    text = unpacked(body)
    return None if text is None else json.loads(text)
