"""The hub's payloads and our types."""

from __future__ import annotations

import pytest

from desktop_app.core.errors import JobError
from desktop_app.core.events import Level
from desktop_app.hub import protocol
from desktop_app.hub.demo.faults import malformed_jobs

WHOLE = {
    "session": "S",
    "projectId": "P",
    "orgId": "O",
    "runBy": "U",
    "apiKey": "K",
    "dataURL": "https://x/y.png",
    "assetId": "A",
    "taskId": "T",
    "categorySchema": [{"schemaId": "1", "modelClass": "bolt"}],
    "configJSON": '{"a": 1}',
    "batches": ["b1", 7, "b2"],
    "workflow": True,
    "overwrite": False,
    "labeltask": {"_id": "T"},
}


def test_every_field_of_a_job():
    job = protocol.parse_job(WHOLE, "profile")
    assert (job.session, job.profile_id, job.api_key, job.data_url) == ("S", "profile", "K", "https://x/y.png")
    assert (job.project_id, job.org_id, job.run_by, job.asset_id, job.task_id) == ("P", "O", "U", "A", "T")
    assert job.category_schema == WHOLE["categorySchema"]
    assert job.config_json == '{"a": 1}'
    assert job.batches == ("b1", "b2")
    assert job.workflow is True
    assert job.overwrite is False
    assert job.data is WHOLE


def test_a_jobs_secrets_are_not_in_its_repr():
    job = protocol.parse_job({**WHOLE, "apiKey": "very-secret", "dataURL": "https://x/?sig=hidden"}, "p")
    assert "very-secret" not in repr(job)
    assert "hidden" not in repr(job)


def test_older_hubs_call_batches_tags():
    assert protocol.parse_job({"session": "S", "tags": ["a"]}, "p").batches == ("a",)


@pytest.mark.parametrize(("name", "payload"), list(malformed_jobs()))
def test_malformed_jobs_are_jobs_as_long_as_they_have_a_session(name, payload):
    session = payload.get("session") if isinstance(payload, dict) else None
    if isinstance(session, str | int):
        job = protocol.parse_job(payload, "p")
        assert job.session == str(session)
        assert job.data is payload
        assert job.workflow in (True, False)
        assert job.overwrite in (True, False, None)
        assert job.data_url is None or isinstance(job.data_url, str)
        assert protocol.failure(job) == {"error": True, "session": session}
    else:
        with pytest.raises(JobError, match=r"session|no JSON object"):
            protocol.parse_job(payload, "p")


@pytest.mark.parametrize("session", [True, "", 1.5])
def test_what_is_no_session(session):
    with pytest.raises(JobError):
        protocol.parse_job({"session": session}, "p")


def test_a_session_goes_back_as_it_came():
    job = protocol.parse_job({"session": 42}, "p")
    assert protocol.success(job, {"objects": []}) == {"response": {"objects": []}, "session": 42}


def test_a_log_line_field_by_field():
    job = protocol.parse_job(WHOLE, "p")
    line = protocol.log_line(job, "plugin", Level.WARNING, "careful", {"step": 3, "session": "forged", "msg": "forged"})
    assert line == {
        "level": "WARNING",
        "organization": "O",
        "pluginId": "plugin",
        "runBy": "U",
        "session": "S",
        "msg": "careful",
        "step": 3,
    }


def test_the_login():
    assert protocol.heartbeat("p1", "s1") == {"id": "p1", "secret": "s1"}
