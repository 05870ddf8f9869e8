from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import pytest

from desktop_app.core.job import JobDetail
from desktop_app.ui.inspector.curl import curl_of

NASTY = 'it\'s $(touch /tmp/never) `id` "quoted" \\ \x1b[2J ü $HOME'


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a shell")
def test_a_shell_reads_exactly_the_job_with_the_secrets_filled_in(tools: Any) -> None:
    payload = {
        "session": "s1", "apiKey": "•••", "dataURL": "https://a.example/x.jpg", "configJSON": NASTY,
        "nested": {"client": [{"secret": "•••"}]}, "workflow": True,
    }  # fmt: skip
    answer = {"answer": {"objects": [], "note": NASTY}}
    record = tools.job(tools.profile(), workflow=True, task_id="t/1?x")
    command = curl_of(record, JobDetail(payload=payload, response=answer))
    assert command.isascii()
    assert "\x1b" not in command
    script = 'curl() { printf "%s\\0" "$@"; printf "\\0"; }\n' + command
    variables = {
        "PLUGIN_URL": "http://p", "PLUGIN_SECRET": "sec", "API_KEY": "key", "SECRET": "other", "HUB_URL": "https://h",
        "PATH": os.environ.get("PATH", ""),
    }  # fmt: skip
    told = subprocess.run(["bash", "-c", script], env=variables, capture_output=True, text=True, timeout=60, check=True)
    first, second = (call.split("\0") for call in told.stdout.strip("\0").split("\0\0"))
    assert first[:3] == ["-X", "POST", "http://p/plugin"]
    assert "Secret: sec" in first
    assert json.loads(first[-1]) == {**payload, "apiKey": "key", "nested": {"client": [{"secret": "other"}]}}
    assert second[2] == "https://h/v2/annotate/t%2F1%3Fx?nextStage=true&isPlugin=true"
    assert "apikey: key" in second
    assert json.loads(second[-1]) == answer


def test_without_what_was_received_there_is_no_command(tools: Any) -> None:
    assert curl_of(tools.job(tools.profile()), JobDetail()) == ""
