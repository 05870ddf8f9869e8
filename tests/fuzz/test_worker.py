"""A worker that lies: it speaks in frames, or does not, and says anything in them.

The real runner and a real child process. The child loads nothing: for each job it writes the bytes that the job brings
along (with `"ID"` for the job's number), and then an ordinary error, so that a job ends whatever went before.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from desktop_app.child import wire
from desktop_app.core.errors import KnownError, ModelError
from desktop_app.core.job import Job
from desktop_app.core.profile import AnswerFormat, OnnxSource, Profile
from desktop_app.jobs.answer import build_answer
from desktop_app.runner import launch, life
from desktop_app.runner.pool import Runner
from tests.fuzz.inputs import ANYTHING, TEXT, Loop, changed, fuzz

LIAR = """
import base64, json, os, struct, sys

pipe, out = sys.stdin.buffer, sys.stdout.buffer

def read():
    head = pipe.read(8)
    if len(head) < 8:
        os._exit(0)
    size, blob = struct.unpack("<II", head)
    frame = json.loads(pipe.read(size))
    pipe.read(blob)
    return frame

def write(frame):
    data = json.dumps(frame).encode()
    out.write(struct.pack("<II", len(data), 0) + data)
    out.flush()

while True:
    frame = read()
    if frame["type"] == "load":
        write({"type": "loaded", "info": {"client": "1.4.10"}})
    elif frame["type"] == "run":
        number = frame["id"]
        said = base64.b64decode(frame["data"]["says"])
        for part in frame["data"]["frames"]:
            data = json.dumps(part).replace('"ID"', str(number)).encode()
            said += struct.pack("<II", len(data), 0) + data
        out.write(said)
        write({"type": "error", "id": number, "what": "the end"})
    elif frame["type"] == "stop":
        os._exit(0)
"""

BOX = {"x": 1, "y": 2, "width": 3, "height": 4}
INSTANCE = {"class": "bolt", "index": 0, "score": 0.9, "bounding-box": BOX}
DECODED = {
    "instances": [INSTANCE, {**INSTANCE, "points": [{"name": "tip", "point": [1, 2], "score": 0.5}]}],
    "classifications": [{"class": "bolt", "index": 0, "score": 0.9}],
    "candidates": [INSTANCE],
    "class_names": ["bolt", "nut"],
    "width": 40,
    "height": 30,
    "run_ms": 1.5,
    "notes": ["one"],
    "kind": "model",
}
RETURNED = {
    "returned": {"data": "u", "answer": {"objects": [{"bounding-box": BOX}], "classifications": [], "relations": []}},
    "generation": "documented",
    "kind": "model",
    "client": "1.3.29",
}
LOG = {"type": "log", "id": "ID", "level": "INFO", "msg": "hello", "extra": {"step": 1}, "details": "x"}
FRAMES = [
    {"type": "result", "id": "ID", "prediction": DECODED},
    {"type": "result", "id": "ID", "prediction": RETURNED},
    {"type": "result", "id": "ID", "prediction": {"returned": "done", "kind": "batch"}},
    {"type": "error", "id": "ID", "what": "no", "where": "here", "remedy": "", "details": "x", "kind": "answer"},
    LOG,
    {"type": "print", "id": None, "text": "ERROR: x"},
    {"type": "left_out", "id": "ID", "count": 5, "stream": "logger"},
    {"type": "loaded", "info": {"classes": ["a"]}},
    {"type": "failed", "what": "no"},
]
JUNK = [b"\0", b"{}", b"\xff" * 8, wire.encode(LOG)[:-3], wire.encode(LOG) + b"x", bytes(7), bytes(8) + b"[]" * 9]
FORMATS = list(AnswerFormat)


@pytest.fixture
def runner(loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    script = tmp_path / "liar.py"
    script.write_text(LIAR)
    monkeypatch.setattr(launch, "worker_command", lambda _: [sys.executable, "-I", "-S", "-u", str(script)])

    def no_waits(*_: Any, **__: Any) -> Any:
        while True:
            yield 0.0

    monkeypatch.setattr(life, "backoff", no_waits)
    profile = Profile(
        name="Liar", host="https://a.example", plugin_id="p", source=OnnxSource(path=Path("x")), timeout_s=1.0
    )
    made = Runner(profile, scratch=tmp_path / "scratch")
    loop.run(made.start())
    yield made
    loop.run(made.stop())


def test_whatever_a_worker_says_each_job_ends(loop: Loop, runner: Runner, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Any] = []

    async def one(job: Job, answer_format: AnswerFormat) -> None:
        try:
            prediction = await runner.run(job, None, log=lambda *line: heard.append(line))
            built = build_answer(prediction, job, answer_format)
            json.dumps([built.response, built.body], allow_nan=False)
        except KnownError as error:
            str(error)
        if runner.state.stopped:
            await runner.restart()  # it died too often: the person's way out

    def check(value: tuple[list[Any], int, dict[str, Any], int]) -> None:
        frames, noise, fields, which = value
        # Bytes that are no frame cost the worker, and a new one takes its time: now and then.
        junk = JUNK[noise // 61 % len(JUNK)] if noise % 61 == 17 else b""
        data = {"session": "S", "apiKey": "k", "dataURL": "https://x/y", **fields}
        data |= {"frames": frames, "says": base64.b64encode(junk).decode()}
        schema, workflow = data.get("categorySchema"), which % 2 == 0
        job = Job(session="S", profile_id="p", data=data, api_key="key", category_schema=schema, workflow=workflow)
        try:
            loop.run(one(job, FORMATS[which % len(FORMATS)]))
        except ModelError:
            pass  # the restart did not help; the next one may

    fields = st.dictionaries(st.sampled_from(["categorySchema", "labeltask", "page", "x"]), ANYTHING, max_size=2)
    frames = st.lists(changed(FRAMES, st.one_of(ANYTHING, TEXT)), min_size=1, max_size=3)
    inputs = st.tuples(frames, st.integers(0, 2**16), fields, st.integers(0, 7))
    fuzz("frames of a hostile worker", 0.1, inputs, check)
    bugs = [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]
    assert not bugs, [(bug.getMessage(), bug.exc_info) for bug in bugs[:5]]
