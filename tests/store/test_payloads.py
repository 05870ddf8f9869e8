"""An event on disk has no secret in it, and with what was withheld it is again exactly what arrived."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from desktop_app.core.job import JobRecord, JobState
from desktop_app.store import payloads, redact
from desktop_app.store.database import Database
from desktop_app.store.history import History

EVENT: dict[str, Any] = {
    "session": "S1",
    "apiKey": "key-of-a-person",
    "dataURL": "https://bucket.example/a.png?X-Amz-Signature=abc&x=1#f",
    "categorySchema": [{"schemaId": "1", "modelClass": "Bolt"}],
    "configJSON": '{"confidence": 0.3, "token": "t0k3n-123456"}',
    "deep": {"list": [1, {"url": "https://x.example/y?sig=deep"}, None], "same": "same"},
    "workflow": False,
}


def stored(event: Any, known: tuple[str, ...] = ()) -> tuple[str, Any, payloads.StoredPayload]:
    text, withheld = payloads.to_text(event, known)
    found = payloads.from_value(json.loads(text))
    assert found is not None
    return text, withheld, found


def test_nothing_secret_is_in_the_text_and_everything_comes_back() -> None:
    text, withheld, found = stored(EVENT)
    for secret in ("key-of-a-person", "X-Amz-Signature", "t0k3n", "sig=deep"):
        assert secret not in text
    assert set(withheld) == set(found.withheld or ()) == {"apiKey", "dataURL", "configJSON", "deep"}
    assert found.completed(withheld) == EVENT
    # Of a large field only what changed is kept.
    assert withheld["deep"] == {"list": {1: {"url": payloads.Whole("https://x.example/y?sig=deep")}}}


def test_a_clean_event_withholds_nothing() -> None:
    _, withheld, found = stored({"session": 1, "dataURL": "https://x.example/a.png", "n": [1.5, None]})
    assert (withheld, found.withheld) == ({}, ())
    assert found.data == {"session": 1, "dataURL": "https://x.example/a.png", "n": [1.5, None]}
    assert payloads.from_value({"session": 1}).withheld is None  # type: ignore[union-attr]
    assert payloads.from_value([1]) is None


def test_a_field_named_after_a_secret() -> None:
    event = {"session": "S", "hunter22hunter22": 1}
    text, withheld, found = stored(event, redact.forms(["hunter22hunter22"]))
    assert "hunter22" not in text
    assert (found.withheld, withheld) == (None, None)  # it cannot be put back: nobody relies on it


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.sampled_from(["https://a.example/b?c=d", "token=abcdef123456", '{"apiKey": "k"}', "known-secret"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=8) | st.just("apiKey"), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@example({"": {"apiKey": None, "\x00": "A://?"}})
@given(st.dictionaries(st.text(max_size=8) | st.sampled_from(["apiKey", "dataURL", "sig"]), json_values, max_size=6))
def test_any_event_comes_back(event: dict[str, Any]) -> None:
    event.pop("\x00withheld", None)
    _, withheld, found = stored(event, ("known-secret",))
    if found.withheld is not None:
        assert found.completed(withheld) == event


async def test_in_the_history(db: Database) -> None:
    history = History(db)
    for name in ("a", "b"):
        history.record(JobRecord(name, f"S{name}", "p", "P", JobState.QUEUED, 1.0, 1.0))
    withheld = await history.store_payload("a", EVENT)
    assert withheld is not None
    found = await history.payloads(["a", "b", "unknown"])
    assert list(found) == ["a"]
    assert found["a"].completed(withheld) == EVENT
    shown = (await history.detail("a")).payload
    assert set(shown) == set(EVENT)
    assert "key-of-a-person" not in str(shown)


@pytest.mark.parametrize("body", [b"", b"z\x00\xff", b"u[1]", b"u{broken"])
async def test_what_cannot_be_read_is_left_out(db: Database, body: bytes) -> None:
    history = History(db)
    history.record(JobRecord("a", "S", "p", "P", JobState.QUEUED, 1.0, 1.0))
    await history.store_payload("a", EVENT)
    await db.write(lambda c: c.execute("UPDATE job_payload SET body = ?", (body,)) and None)
    assert await history.payloads(["a"]) == {}
