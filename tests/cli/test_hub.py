from __future__ import annotations

import re
from typing import Any

import pytest

from desktop_app.cli.hub import _answered, _call, _Watch, _welcome, secret_of
from desktop_app.demo import sample_plugins
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.demo.state import EventKind, HubEvent, Session


def session(**fields: Any) -> Session:
    return Session(id="s1", plugin_id="p", job={}, api_key="", sent_at=1.0, finished_at=1.25, **fields)


OBJECTS = {"objects": [1, 2], "classifications": [1], "relations": []}


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ({"response": OBJECTS}, "answered with 2 objects, 1 classification in 250 ms"),
        ({"response": {"answer": {"objects": [1]}}}, "answered with 1 object, 0 classifications in 250 ms"),
        ({"response": "a message"}, "answered in 250 ms, without annotations that the hub could draw"),
        ({"error": True}, "ended with an error in 250 ms; the lines above say why"),
    ],
)
def test_an_answer_is_told_in_numbers(payload: dict[str, Any], says: str) -> None:
    assert _answered(session(), payload) == says


def test_a_second_answer_is_told_as_one() -> None:
    payload = {"response": {"objects": []}}
    assert "answered once more" in _answered(session(responses=[payload, payload]), payload)


def test_calls_are_told_but_not_fetches() -> None:
    call = {"method": "POST", "path": "/v2/annotate/1", "status": 200, "key": "session"}
    assert _call(call) == "POST /v2/annotate/1 → 200"
    assert _call({**call, "key": "signed"}) == ""


def test_the_welcome_names_what_can_log_in(capsys: pytest.CaptureFixture[str]) -> None:
    samples = sample_plugins()
    _welcome("http://127.0.0.1:1234", samples)
    text = capsys.readouterr().out
    for sample in samples:
        assert re.search(rf"{sample.plugin_id} +secret {secret_of(sample)} ", text)
    assert "http://127.0.0.1:1234" in text
    assert "any secret" in text


async def test_what_happens_is_told_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    hub = DemoHub(accept_all=True)
    ids = ["p"]
    watch = _Watch(hub, ids)

    def say(kind: EventKind, plugin_id: str, text: str = "", data: Any = None) -> str:
        watch._heard(HubEvent(1, 0.0, kind, plugin_id, "", text, data))
        return capsys.readouterr().out

    assert say(EventKind.HEARTBEAT, plugin_id="new").endswith(" new: online\n")
    assert say(EventKind.HEARTBEAT, plugin_id="new") == ""  # told once
    assert ids == ["p", "new"]  # fed from now on
    assert say(EventKind.DISCONNECT, plugin_id="new").endswith(" new: offline\n")
    assert say(EventKind.DISCONNECT, plugin_id="new") == ""
    refused = say(EventKind.LOGIN_REFUSED, plugin_id="p", data={"id": "p", "secret": "wrong-secret"})
    assert "login refused" in refused
    assert "wrong-secret" not in refused
    assert "against the protocol: odd" in say(EventKind.PROTOCOL_ERROR, plugin_id="p", text="odd")
    # What a plugin says cannot steer the terminal or fill it.
    line = say(EventKind.PROTOCOL_ERROR, plugin_id="p\x1b[2J", text="x\n" * 500)
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert len(line) < 250
