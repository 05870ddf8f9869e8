from __future__ import annotations

from typing import Any

import pytest

from desktop_app.child.output import Lines, _Raw, _Text


class Sink:
    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []

    def post(self, frame: dict[str, Any]) -> None:
        self.frames.append(frame)

    def texts(self) -> list[str]:
        return [frame["text"] for frame in self.frames]


def test_bytes_become_lines_per_job_and_stream() -> None:
    sink = Sink()
    lines = Lines(sink)  # type: ignore[arg-type]
    lines.feed(1, "stdout", b"one ")
    lines.feed(2, "stdout", b"other\nhalf")
    lines.feed(1, "stderr", b"err\n")
    lines.feed(1, "stdout", b"line\ntwo\nrest")
    assert [(frame["id"], frame["stream"], frame["text"]) for frame in sink.frames] == [
        (2, "stdout", "other"),
        (1, "stderr", "err"),
        (1, "stdout", "one line"),
        (1, "stdout", "two"),
    ]
    lines.flush(1)
    lines.flush(2)
    lines.flush(1)
    assert sink.texts()[4:] == ["rest", "half"]


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"10%\r20%\r30%\n", ["30%"]),
        (b"done\r\n", ["done"]),
        (b"\r\r\n \n\n", []),
        (b"\x1b[31mred\x1b[0m \x1b]0;title\x07text\x00\n", ["red text"]),
        (b"tab\there\n", ["tab\there"]),
        (b"caf\xc3\xa9 \xff\n", ["café �"]),
    ],
)
def test_what_a_line_shows(data: bytes, shown: list[str]) -> None:
    sink = Sink()
    lines = Lines(sink)  # type: ignore[arg-type]
    lines.feed(None, "stdout", data)
    lines.flush(None)
    assert sink.texts() == shown


def test_a_line_without_end_is_cut_and_goes_out() -> None:
    sink = Sink()
    lines = Lines(sink)  # type: ignore[arg-type]
    for _ in range(100):
        lines.feed(1, "stdout", b"x" * 10_000)
    assert sink.frames
    assert all("characters more" in text for text in sink.texts())


def test_text_streams_keep_lines_whole_and_behave_like_pythons() -> None:
    sink = Sink()
    text = _Text(_Raw(Lines(sink), "stdout", 1, lambda: 7))  # type: ignore[arg-type]
    print("a", "b", file=text)
    print("half", end="", file=text)
    assert sink.texts() == ["a b"]
    print(" whole", file=text)
    assert sink.texts()[1:] == ["half whole"]
    text.buffer.write(b"bytes\n")
    text.reconfigure(errors="replace")
    print("\ud800", file=text)
    assert sink.texts()[2:] == ["bytes", "?"]
    assert (text.encoding, text.isatty(), text.fileno(), text.writable()) == ("utf-8", False, 1, True)
    with pytest.raises(TypeError):
        text.write(b"bytes")  # type: ignore[arg-type]
    print("x" * 5000, end="", file=text)
    text.flush()
    assert {frame["id"] for frame in sink.frames} == {7}
