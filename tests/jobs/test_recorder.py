"""History first, then the event."""

from __future__ import annotations

import asyncio
import logging
import threading
import time

import pytest

from desktop_app.core.events import Event, JobChanged, Level, Logged, Signal
from desktop_app.core.job import JobRecord, JobState
from desktop_app.jobs import recorder as recorder_module
from desktop_app.jobs.recorder import AppLogHandler, Recorder
from desktop_app.store.history import History


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
async def recorder(db, told) -> Recorder:
    events: Signal[Event] = Signal()
    events.connect(told.append)
    return Recorder(History(db), events)


async def test_a_job_is_in_the_history_when_its_event_goes_out(recorder, told, db):
    now = time.time()
    record = JobRecord("id", "S", "p", "P", JobState.QUEUED, now, now)
    assert recorder.record(record) is record
    assert told == [JobChanged(record)]
    assert await History(db).get("id") == record


async def test_lines_go_out_together(recorder, told, db, until):
    for number in range(500):
        recorder.log(Level.INFO, f"line {number}")
    assert told == []
    await until(lambda: told)
    [event] = told
    assert isinstance(event, Logged)
    assert [line.message for line in event.lines] == [f"line {number}" for number in range(500)]
    assert len(await History(db).logs(limit=1000)) == 500


async def test_flushing_leaves_no_timer(recorder, told):
    recorder.log(Level.WARNING, "now")
    recorder.flush()
    recorder.flush()
    assert len(told) == 1
    assert recorder._flush is None


async def test_the_apps_own_log_from_any_thread(recorder, told, until):
    handler = AppLogHandler(recorder, asyncio.get_running_loop())
    logger = logging.getLogger("desktop_app.tests.recorder")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        logger.debug("not this")
        logger.warning("%d of %d", 1, 2)
        thread = threading.Thread(target=logger.error, args=("from a thread",))
        thread.start()
        thread.join()
        try:
            raise ValueError("broken")
        except ValueError:
            logger.exception("with a traceback")
    except TypeError:
        pytest.fail("a log call raised into its caller")
    finally:
        logger.removeHandler(handler)
    await until(lambda: told)
    lines = {line.message: line for event in told if isinstance(event, Logged) for line in event.lines}
    assert lines["1 of 2"].level is Level.WARNING
    assert lines["from a thread"].level is Level.ERROR
    assert "ValueError: broken" in lines["with a traceback"].details
    assert "not this" not in lines


def test_logging_after_the_loop_is_closed(told):
    loop = asyncio.new_event_loop()
    loop.close()
    handler = AppLogHandler(Recorder(None, Signal()), loop)  # type: ignore[arg-type]
    handler.emit(logging.LogRecord("x", logging.ERROR, "x", 1, "late", (), None))


async def test_a_flood_is_thinned_and_what_was_left_out_is_said(recorder, told, onnx_profile, monkeypatch):
    """Each profile's on its own; errors have room of their own, and a flood of them is thinned as well."""
    monkeypatch.setattr(recorder_module, "BURST_LINES", 10)
    monkeypatch.setattr(recorder_module, "STEADY_LINES", 0)
    loud, quiet = onnx_profile("http://x", name="Loud"), onnx_profile("http://x", name="Quiet")
    for number in range(1000):
        recorder.log(Level.INFO, f"line {number}", profile=loud)
    for number in range(100):
        recorder.log(Level.ERROR, f"important {number}", profile=loud)
    recorder.log(Level.INFO, "still heard", profile=quiet)
    recorder.flush()
    lines = [line for event in told if isinstance(event, Logged) for line in event.lines]
    assert [line.message for line in lines] == [
        *(f"line {number}" for number in range(10)),
        *(f"important {number}" for number in range(10)),
        "still heard",
        "990 log lines were left out: they came too fast",
        "90 errors were left out: they came too fast",
    ]
    assert lines[-1].profile_name == "Loud"
