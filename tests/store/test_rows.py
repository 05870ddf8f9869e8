import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_app.core.events import Level, LogLine
from desktop_app.core.job import JobRecord, JobState, StepTimings
from desktop_app.store.rows import (
    JOB_COLUMNS,
    from_json,
    job_record,
    job_row,
    log_line,
    log_row,
    packed,
    storable,
    unpacked,
)

RECORD = JobRecord(
    id="j", session="s", profile_id="p", profile_name="P", state=JobState.FAILED, received_at=1.5, updated_at=2.5,
    error="e", details="d", url="https://h/a", external_id="x", asset_id="a", task_id="t", project_id="pr",
    workflow=True, asset_path="/c/x", asset_type="image/png", width=3, height=4, objects=5, dropped=6,
    timings=StepTimings(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), replay_of="r",
)  # fmt: skip


def test_a_record_comes_back_as_it_was() -> None:
    row = job_row(RECORD, ())
    assert len(row) == len(JOB_COLUMNS)
    assert job_record(row) == RECORD


def test_a_record_is_cleaned_on_its_way() -> None:
    dirty = JobRecord(
        id="j", session="s", profile_id="p", profile_name="P", state=JobState.FAILED, received_at=1.0, updated_at=1.0,
        error="GET https://h/a?sig=1 with KEY-1", details="apiKey=abc", url="https://u:p@h/a?sig=1",
        external_id="https://h/a?sig=1",
    )  # fmt: skip
    clean = job_record(job_row(dirty, ("KEY-1",)))
    assert clean.error == "GET https://h/a with •••"
    assert clean.details == "apiKey=•••"
    assert clean.url == clean.external_id == "https://h/a"


def test_a_line_comes_back_as_it_was() -> None:
    line = LogLine(1.0, Level.ERROR, "m", "script", "p", "P", "s", "j", "Traceback")
    assert log_line(log_row(line, ())) == line


@given(st.text(st.characters(), max_size=2000) | st.text(st.just("a"), min_size=300, max_size=50_000))
def test_packing_loses_nothing(text: str) -> None:
    assert unpacked(packed(text)) == text


@pytest.mark.parametrize("text", ["\ud800 lone", "x" * 100_000, "", "\x00"])
def test_packing_takes_hostile_text(text: str) -> None:
    assert unpacked(packed(text)) == text
    assert len(packed("x" * 100_000)) < 2_000


def test_nothing_packed_is_nothing() -> None:
    assert unpacked(None) is None
    assert from_json(None) is None


@pytest.mark.parametrize("body", [b"", b"?", b"znonsense", b"plain"])
def test_foreign_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="unpacked"):
        unpacked(body)


def test_what_sqlite_cannot_take_is_replaced_and_what_is_long_is_cut() -> None:
    assert storable("a\ud800b") == "a?b"
    assert storable("größe") == "größe"
    assert len(storable("x" * 5000)) == 2000
    assert storable("x" * 5000).endswith("…")
