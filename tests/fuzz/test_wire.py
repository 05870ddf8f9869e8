"""Bytes and frames that no worker of ours would write."""

from __future__ import annotations

import io
import struct
from typing import Any

from hypothesis import strategies as st

from desktop_app.child import wire
from tests.fuzz.inputs import ANYTHING, TEXT, bent, fuzz

GOOD = [
    wire.encode({"type": "loaded", "info": {"classes": ["a"]}}),
    wire.encode({"type": "result", "id": 1, "prediction": {"instances": []}}, 3) + b"abc",
    wire.encode({"type": "log", "id": None, "level": "INFO", "msg": "hello"}) * 3,
]


def test_a_stream_of_any_bytes() -> None:
    def check(data: bytes) -> None:
        stream = io.BytesIO(data)
        try:
            while True:
                frame, blob = wire.read_frame(stream)
                assert isinstance(frame, dict)
                assert isinstance(blob, bytes)
        except (EOFError, wire.WireError):
            pass

    headed = st.builds(
        lambda lengths, body: struct.pack("<II", *lengths) + body,
        st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
        | st.tuples(st.integers(0, 40), st.integers(0, 9)),
        st.binary(max_size=60),
    )
    fuzz("bytes on the pipe", 0.14, st.binary(max_size=200) | headed | bent(GOOD), check)


def test_any_frame_that_can_be_written_is_read_back() -> None:
    def check(value: Any) -> None:
        try:
            data = wire.encode(value)
        except wire.WireError:
            return
        frame, _ = wire.read_frame(io.BytesIO(data))
        assert wire.encode(frame) == data

    fuzz("frames there and back", 0.06, st.dictionaries(TEXT, ANYTHING, max_size=4), check)
