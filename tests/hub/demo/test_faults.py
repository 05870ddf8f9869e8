"""The switches themselves; what they do on the wire is tested with the module that obeys them."""

from __future__ import annotations

import json

from desktop_app.hub.demo.faults import Faults, malformed_jobs


def test_an_http_fault_is_met_so_many_times_and_only_under_its_prefix():
    faults = Faults()
    faults.fail_http("/v2/annotate/", times=2, status=503)
    assert faults.take_http_fault("/v2/task/1") is None
    assert [bool(faults.take_http_fault("/v2/annotate/1")) for _ in range(3)] == [True, True, False]
    faults.fail_http("/files/")
    assert all(faults.take_http_fault("/files/assets/a") for _ in range(5))


def test_lost_responses_are_counted_down():
    faults = Faults(lost_responses=2)
    assert [faults.take_lost_response() for _ in range(3)] == [True, True, False]


def test_clear_turns_everything_off():
    faults = Faults(wrong_login="silence", close_at_heartbeat=True, http_delay=5, cut_files_after=1, lost_responses=3)
    faults.refuse_login("p", "silence")
    faults.fail_http()
    faults.clear()
    assert faults == Faults()
    assert faults.refusal("p") is None


def test_malformed_jobs_are_json_of_at_most_about_a_megabyte_with_names_of_their_own():
    jobs = list(malformed_jobs("x"))
    names = [name for name, _ in jobs]
    assert len(set(names)) == len(names) >= 25
    sizes = {name: len(json.dumps(payload)) for name, payload in jobs}
    assert 900_000 < sizes["many keys"] < 1_100_000
    sessions = [
        payload["session"]
        for _, payload in jobs
        if isinstance(payload, dict) and isinstance(payload.get("session"), str)
    ]
    assert len(set(sessions)) == len(sessions)
