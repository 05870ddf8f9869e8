from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from desktop_app.child import channel as channel_module
from desktop_app.child.channel import MAX_LINE, Budget, Channel, clip, safe_extra
from desktop_app.child.wire import WireError, read_frame, write_frame


class Pipe:
    """A channel and the host's end of it."""

    def __init__(self) -> None:
        to_child, self._from_host = os.pipe()
        self._to_host, from_child = os.pipe()
        self.host_writer = os.fdopen(self._from_host, "wb")
        self.host_reader = os.fdopen(self._to_host, "rb")
        self._reader, self._writer = os.fdopen(to_child, "rb"), os.fdopen(from_child, "wb")
        self.channel = Channel(self._reader, self._writer)

    def close(self) -> None:
        for stream in (self.host_writer, self.host_reader, self._reader, self._writer):
            try:
                stream.close()
            except OSError:
                pass


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pair of pipes with a channel at one end."""
    made = Pipe()
    yield made
    made.close()


def _line(number: int, **fields: Any) -> dict[str, Any]:
    return {"type": "print", "stream": "stdout", "text": f"line {number}", "id": 1, **fields}


def test_frames_go_both_ways(pipe: Pipe) -> None:
    write_frame(pipe.host_writer, {"type": "run", "id": 1}, b"blob")
    assert pipe.channel.read() == ({"type": "run", "id": 1}, b"blob")
    pipe.channel.send({"type": "result", "id": 1}, b"answer")
    assert read_frame(pipe.host_reader) == ({"type": "result", "id": 1}, b"answer")


def test_lines_come_before_the_answer_that_follows_them(pipe: Pipe) -> None:
    for number in range(100):
        pipe.channel.post(_line(number))
    pipe.channel.send({"type": "result"})
    frames = [read_frame(pipe.host_reader)[0] for _ in range(101)]
    assert [frame.get("text") for frame in frames] == [*(f"line {number}" for number in range(100)), None]


def test_a_host_that_does_not_read_keeps_nobody_waiting(pipe: Pipe) -> None:
    began = time.monotonic()
    for number in range(50_000):
        pipe.channel.post(_line(number, text="x" * 400))
    assert time.monotonic() - began < 10
    received = []
    done = threading.Event()

    def read() -> None:
        while True:
            frame, _ = read_frame(pipe.host_reader)
            received.append(frame)
            if frame["type"] == "result":
                done.set()
                return

    reader = threading.Thread(target=read)
    reader.start()
    pipe.channel.tell_left_out()
    pipe.channel.send({"type": "result"})
    assert done.wait(10)
    reader.join()
    left_out = sum(frame["count"] for frame in received if frame["type"] == "left_out")
    assert left_out + sum(frame["type"] == "print" for frame in received) == 50_000
    assert left_out > 40_000


def test_what_was_left_out_is_told_within_a_second_or_so(pipe: Pipe) -> None:
    for number in range(1000):
        pipe.channel.post(_line(number, id=None))
    while (frame := read_frame(pipe.host_reader)[0])["type"] != "left_out":
        pass
    assert frame["stream"] == "stdout"
    assert frame["id"] is None
    assert frame["count"] > 400


def test_what_cannot_be_sent_is_an_error_and_breaks_nothing(pipe: Pipe) -> None:
    with pytest.raises(WireError):
        pipe.channel.send({"type": "result", "x": object()})
    pipe.channel.post(_line(1, extra=object()))
    pipe.channel.send({"type": "result"})
    assert read_frame(pipe.host_reader)[0] == {"type": "result"}


def test_a_fork_writes_nothing(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_module.os, "getpid", lambda: -1)
    pipe.channel.send({"type": "result", "id": "of the fork"})
    pipe.channel.post(_line(1))
    monkeypatch.undo()
    pipe.channel.send({"type": "result", "id": "of the parent"})
    assert read_frame(pipe.host_reader)[0]["id"] == "of the parent"


def test_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(channel_module.time, "monotonic", lambda: now[0])
    budget = Budget(3, 2.0)
    assert [budget.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 1.0
    assert [budget.take() for _ in range(3)] == [True, True, False]
    now[0] = 1000.0
    assert [budget.take() for _ in range(4)] == [True, True, True, False]


def test_long_lines_are_cut() -> None:
    assert clip("x" * MAX_LINE) == "x" * MAX_LINE
    assert clip("x" * (MAX_LINE + 5)) == "x" * MAX_LINE + " … (5 characters more)"


def test_extra_data_is_made_json() -> None:
    loop: list[Any] = []
    loop.append(loop)
    extra = safe_extra({"a": [1, {"b": None}], "b": io.BytesIO, "c": loop})
    assert extra["a"] == [1, {"b": None}]
    assert "BytesIO" in extra["b"]
    assert isinstance(extra["c"], str)
