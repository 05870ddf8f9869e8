import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_app.store import redact
from desktop_app.store.redact import MASK, Redactor

SECRET = "kX9-secret/value+1"
SIGNATURE = "0a1b2c3d4e5f"


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://h/a.jpg?X-Amz-Signature=1#part", "https://h/a.jpg"),
        ("https://me:pass@h:8443/a.jpg", "https://h:8443/a.jpg"),
        ("https://h?x=1", "https://h"),
        ("https://h/a b.jpg?sig=a b", "https://h/a b.jpg"),
        ("https://h/user@home/a.jpg", "https://h/user@home/a.jpg"),
        ("s3://bucket/key", "s3://bucket/key"),
        ("https://h/what%3F.jpg", "https://h/what%3F.jpg"),
        ("https://proxy/https%3A%2F%2Fb%2Fa%3FX-Amz-Signature%3Dabc", "https://proxy/https%3A%2F%2Fb%2Fa"),
        ("/relative/a.jpg?sig=1", "/relative/a.jpg"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_addresses(address: str, kept: str) -> None:
    assert redact.url(address) == kept


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("GET https://h/a.jpg?sig=abc failed", "GET https://h/a.jpg failed"),
        ("apiKey=abc", f"apiKey={MASK}"),
        ("api_key: 9f86d081", f"api_key: {MASK}"),
        ("Authorization: Bearer abc.def-ghi", f"Authorization: Bearer {MASK}"),
        ('{"apiKey": "abc", broken', f'{{"apiKey": "{MASK}", broken'),
        ("{'clientSecret': 'abc'}", f"{{'clientSecret': '{MASK}'}}"),
        ("os.environ['MY_TOKEN'] = 'abc'", f"os.environ['MY_TOKEN'] = '{MASK}'"),
        ("/x?X-Amz-Credential=AKIA&X-Amz-Signature=00ff", f"/x?X-Amz-Credential={MASK}&X-Amz-Signature={MASK}"),
        ("AccountKey=abcd;Endpoint=x", f"AccountKey={MASK};Endpoint=x"),
    ],
)
def test_texts(said: str, kept: str) -> None:
    assert redact.text(said) == kept


@pytest.mark.parametrize(
    "said",
    [
        '12 annotations, 3 dropped (class "truck" not mapped)',
        "token: expired",
        "the key is wrong",
        "There is no secret: set PLUGDECK_SECRET_X",
        "signal 9, basic idea, monkey=5",
        "https://docs.ango.ai/plugins/model",
        "tokens: 512",
    ],
)
def test_ordinary_words_stay(said: str) -> None:
    assert redact.text(said) == said


def test_a_payload_keeps_everything_but_what_is_secret() -> None:
    payload = {
        "session": "s1",
        "apiKey": "KEY",
        "dataURL": "https://b/a b.jpg?X-Amz-Signature=x y",
        "configJSON": '{"confidence": 0.4,  "hub": {"token": "abc"}}',
        "categorySchema": [{"schemaId": "797ea7", "modelClass": "Key ring"}],
        "overwrite": None,
        "nested": [{"deep": [{"password": 12345, "url": "https://u:p@h/x"}]}],
        "unknown": {"max_tokens": 3, "signature": None, "secret": False},
    }
    kept = json.loads(redact.to_json(payload))
    assert kept["apiKey"] == MASK
    assert kept["dataURL"] == "https://b/a b.jpg"
    assert json.loads(kept["configJSON"]) == {"confidence": 0.4, "hub": {"token": MASK}}
    assert kept["nested"] == [{"deep": [{"password": MASK, "url": "https://h/x"}]}]
    for same in ("session", "categorySchema", "overwrite", "unknown"):
        assert kept[same] == payload[same]


def test_a_config_without_secrets_stays_as_it_was_written() -> None:
    config = '{ "keypoints":true,\n "a" : 1.50 }'
    assert json.loads(redact.to_json({"configJSON": config})) == {"configJSON": config}


def test_what_is_no_json_is_named_by_its_type() -> None:
    circle: dict[str, Any] = {"a": 1}
    circle["self"] = circle
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    kept = json.loads(redact.to_json({"raw": b"\x00", "set": {1}, "circle": circle, "deep": deep, 5: "number"}))
    assert kept["raw"] == "<bytes>"
    assert kept["5"] == "number"
    assert "…" in json.dumps(kept["circle"], ensure_ascii=False)
    assert "…" in json.dumps(kept["deep"], ensure_ascii=False)


def test_a_body_loses_addresses_queries_and_known_secrets_only() -> None:
    body = {
        "response": {
            "data": "https://b/a b.jpg?sig=x y",
            "answer": {"objects": [{"token": "stays", "title": f"see https://h/x?q={SIGNATURE} or {SECRET}"}]},
        },
        "session": "s",
    }
    expected = json.loads(json.dumps(body))
    expected["response"]["data"] = "https://b/a b.jpg"
    expected["response"]["answer"]["objects"][0]["title"] = f"see https://h/x or {MASK}"
    for text in (json.dumps(body), json.dumps(body, ensure_ascii=False), json.dumps({**body, "x": "ü\\"})):
        kept = json.loads(redact.body(text, redact.forms([SECRET])))
        kept.pop("x", None)
        assert kept == expected


def test_known_values_are_masked_in_every_form() -> None:
    known = redact.forms(['pa"ss\\wörd/1', "abc"])
    for form in ('pa"ss\\wörd/1', 'pa\\"ss\\\\wörd/1', 'pa\\"ss\\\\w\\u00f6rd/1', "pa%22ss%5Cw%C3%B6rd%2F1"):
        assert redact.text(f"<{form}>", known) == f"<{MASK}>"
        assert redact.hide(f"<{form}>", ['pa"ss\\wörd/1']) == f"<{MASK}>"
    # Too short to be masked without blanking half of every text.
    assert "abc" not in known
    assert MASK in redact.to_json({"x": ['pa"ss\\wörd/1']}, known)


def test_the_redactor_learns_values_and_sources() -> None:
    secrets: set[str] = set()
    redactor = Redactor()
    redactor.hide(lambda: secrets)
    redactor.hide("api-key-1")
    redactor.hide(None)
    assert redactor.text("api-key-1 plain-pass") == f"{MASK} plain-pass"
    secrets.add("plain-pass")
    assert redactor.text("api-key-1 plain-pass") == f"{MASK} {MASK}"
    for n in range(2000):
        redactor.hide(f"another-{n}")
    assert len(redactor.known()) < 1000
    assert redactor.text("another-1999") == MASK


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(json_values)
def test_any_value_becomes_json_and_a_second_pass_changes_nothing(value: Any) -> None:
    once = redact.to_json(value)
    assert redact.to_json(json.loads(once)) == once


@settings(max_examples=50, deadline=None)
@given(st.recursive(st.just(SECRET), lambda inner: st.lists(inner, min_size=1) | st.dictionaries(st.text(), inner)))
def test_a_known_secret_is_found_however_deep(value: Any) -> None:
    assert SECRET not in redact.to_json(value, redact.forms([SECRET]))


@settings(deadline=None)
@given(st.text(), st.text())
def test_a_known_secret_is_found_between_any_text(before: str, after: str) -> None:
    assert SECRET not in redact.text(before + SECRET + after, redact.forms([SECRET]))


@settings(deadline=None)
@given(
    st.sampled_from(["https", "http", "s3", "gs"]),
    st.text("abc/._~-%@:", max_size=20),
    st.sampled_from(["?", "#", "?a=1&"]),
    st.sampled_from(["{}", '{{"u": "{}"}}', "see {} there", "'{}'", "<{}>", "a,{}", "[{}]"]),
)
def test_no_signature_survives_in_any_surrounding(scheme: str, path: str, cut: str, around: str) -> None:
    text = around.format(f"{scheme}://host/{path}{cut}X-Amz-Signature={SIGNATURE}")
    assert SIGNATURE not in redact.text(text)
    assert SIGNATURE not in redact.to_json({"a": text})
    assert SIGNATURE not in redact.body(json.dumps({"a": text}))


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_survived(text: str) -> None:
    redact.text(text)
    redact.url(text)
