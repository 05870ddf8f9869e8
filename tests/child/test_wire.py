from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop_app.child import wire

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(st.characters()), JSON, max_size=5), st.binary(max_size=100))
def test_frames_come_back_as_they_went(frame: dict[str, Any], blob: bytes) -> None:
    stream = io.BytesIO()
    wire.write_frame(stream, frame, blob)
    wire.write_frame(stream, {"next": 1})
    stream.seek(0)
    assert wire.read_frame(stream) == (frame, blob)
    assert wire.read_frame(stream) == ({"next": 1}, b"")
    with pytest.raises(EOFError):
        wire.read_frame(stream)


def test_the_layout_is_as_agreed() -> None:
    stream = io.BytesIO()
    wire.write_frame(stream, {"a": 1}, b"xyz")
    assert stream.getvalue() == struct.pack("<II", 7, 3) + b'{"a":1}xyz'


def test_key_order_and_kinds_of_numbers_stay() -> None:
    text = wire.decode(wire.encode({"z": 1, "a": 1.0, "m": -0.0, "big": 2**70})[8:])
    assert list(text) == ["z", "a", "m", "big"]
    assert [type(value) for value in text.values()] == [int, float, float, int]


@given(st.binary(min_size=1, max_size=40))
def test_rubbish_is_an_error_or_an_end_and_never_a_crash(data: bytes) -> None:
    try:
        frame, _ = wire.read_frame(io.BytesIO(data))
    except (wire.WireError, EOFError):
        return
    assert isinstance(frame, dict)


def test_a_cut_frame_is_the_end() -> None:
    whole = wire.encode({"a": "b"})
    for size in range(len(whole)):
        with pytest.raises(EOFError):
            wire.read_frame(io.BytesIO(whole[:size]))


def test_lengths_beyond_the_limit_are_refused_before_they_are_read() -> None:
    with pytest.raises(wire.WireError, match="longer than allowed"):
        wire.read_frame(io.BytesIO(b"\xff" * 8))
    with pytest.raises(wire.WireError):
        wire.encode({}, wire.MAX_BLOB + 1)


@pytest.mark.parametrize("value", [b"bytes", object(), {1, 2}])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(wire.WireError):
        wire.encode({"x": value})


def test_cycles_and_depth_are_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(wire.WireError):
        wire.encode({"x": loop})
    deep: Any = []
    for _ in range(200_000):
        deep = [deep]
    with pytest.raises(wire.WireError):
        wire.encode({"x": deep})


@pytest.mark.parametrize("payload", [b"[]", b"1", b"{", b"\xff", b"[" * 200_000])
def test_what_is_no_object_is_refused(payload: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.decode(payload)
