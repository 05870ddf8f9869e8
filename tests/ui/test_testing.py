from __future__ import annotations

from pathlib import Path
from typing import Any

from desktop_app.core.job import JobState, StepTimings
from desktop_app.jobs.trial import TrialResult
from desktop_app.ui import testing


def test_a_trial_looks_like_a_job_that_was_not_sent(tools: Any) -> None:
    answer = {"objects": [{"point": [1, 2]}], "classifications": [{"answer": "warm"}], "relations": []}
    result = TrialResult(
        Path("/x/a.jpg"),
        answer=answer,
        response={"response": answer},
        timings=StepTimings(run=4.0, total=9.0),
        warnings=("w",),
    )
    record, detail = testing.tested_job(tools.profile(), result)
    assert record.state is JobState.DELIVERED
    assert record.replay_of == record.id
    assert (record.objects, record.asset_type, record.timings.total) == (2, "image/jpeg", 9.0)
    assert detail.answer == answer
    assert detail.notes == ("w",)


def test_a_trial_that_failed(tools: Any) -> None:
    record, detail = testing.tested_job(tools.profile(), TrialResult(Path("a.bin"), error="no", details="Traceback"))
    assert record.state is JobState.FAILED
    assert (record.error, record.details, record.asset_type) == ("no", "Traceback", "application/octet-stream")
    assert detail.answer is None
