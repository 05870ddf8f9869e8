"""The serving loop as a bundled worker uses it, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_app.child import wire

HEAD = """
import sys
sys.path.insert(0, {root!r})
import os, threading, time
from desktop_app.child.serve import Failure, Job, Loaded, serve
"""


class Worker:
    """A worker program spoken to in frames."""

    def __init__(self, script: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.frames: list[dict[str, Any]] = []
        self.blob = b""

    def send(self, **frame: Any) -> None:
        assert self.process.stdin is not None
        wire.write_frame(self.process.stdin, frame)

    def until(self, *kinds: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        while True:
            frame, self.blob = wire.read_frame(self.process.stdout)
            self.frames.append(frame)
            if frame["type"] in kinds:
                return frame

    def close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        self.process.kill()
        self.process.wait(10)


@pytest.fixture
def make_worker(tmp_path: Path) -> Iterator[Callable[[str], Worker]]:
    """Starts worker programs."""
    workers: list[Worker] = []

    def make(text: str) -> Worker:
        script = tmp_path / f"worker{len(workers)}.py"
        root = str(Path(wire.__file__).parents[2])
        script.write_text(HEAD.format(root=root) + textwrap.dedent(text), encoding="utf-8")
        workers.append(Worker(script))
        return workers[-1]

    yield make
    for worker in workers:
        worker.close()


def test_load_run_stop(make_worker: Any) -> None:
    worker = make_worker(
        """
        def load(frame):
            print("loading", frame["source"]["path"])
            def run(job):
                job.log("WARNING", "step %d", 2, extra=1)
                print("running", job.asset_path, job.page, job.overrides)
                return {"instances": [job.data["x"]]}, b"blob"
            return Loaded({"family": "f"}, run, close=lambda: print("closed"))
        serve(load)
        """
    )
    worker.send(type="load", source={"path": "m"})
    assert worker.until("loaded", "failed") == {"type": "loaded", "info": {"family": "f"}}
    worker.send(type="run", id=5, data={"x": 1}, assetPath="/a", page=2, overrides={"iou": 0.5})
    result = worker.until("result", "error")
    assert worker.blob == b"blob"
    assert result["id"] == 5
    assert result["prediction"]["instances"] == [1]
    assert result["prediction"]["run_ms"] >= 0
    worker.send(type="stop")
    worker.until("ended")
    assert worker.process.wait(10) == 0
    assert [frame["text"] for frame in worker.frames if frame["type"] == "print"] == [
        "loading m",
        "running /a 2 {'iou': 0.5}",
        "closed",
    ]
    [log] = [frame for frame in worker.frames if frame["type"] == "log"]
    assert (log["id"], log["level"], log["msg"], log["extra"]) == (5, "WARNING", "step 2", {"extra": 1})


@pytest.mark.parametrize(
    ("body", "what", "remedy"),
    [
        ("raise Failure('no such model', 'm.onnx', 'Choose another.')", "no such model", "Choose another."),
        ("raise ValueError('broken')", "the model failed: ValueError: broken", ""),
        ("sys.exit(3)", "the model failed: SystemExit: 3", ""),
    ],
)
def test_a_model_that_cannot_be_loaded(make_worker: Any, body: str, what: str, remedy: str) -> None:
    worker = make_worker(f"def load(frame):\n    {body}\nserve(load)\n")
    worker.send(type="load")
    failed = worker.until("loaded", "failed")
    assert (failed["type"], failed["what"], failed["remedy"]) == ("failed", what, remedy)
    assert worker.process.wait(10) == 71


def test_errors_of_a_job_cost_the_job(make_worker: Any) -> None:
    worker = make_worker(
        """
        def run(job):
            if job.data["do"] == "fail":
                raise Failure("cannot read it", where="a.jpg", kind="answer")
            if job.data["do"] == "bug":
                raise ZeroDivisionError("1 / 0")
            if job.data["do"] == "unsendable":
                return {"x": object()}
            return {}
        serve(lambda frame: Loaded({}, run))
        """
    )
    worker.send(type="load")
    worker.until("loaded")
    told = {}
    for number, do in enumerate(("fail", "bug", "unsendable", "nothing")):
        worker.send(type="run", id=number, data={"do": do})
        told[do] = worker.until("result", "error")
    assert (told["fail"]["what"], told["fail"]["where"], told["fail"]["kind"]) == ("cannot read it", "a.jpg", "answer")
    assert told["bug"]["what"] == "the model failed: ZeroDivisionError: 1 / 0"
    assert "Traceback" in told["bug"]["details"]
    assert told["unsendable"]["kind"] == "answer"
    assert "cannot be sent" in told["unsendable"]["what"]
    assert told["nothing"]["type"] == "result"


def test_jobs_side_by_side_late_assets_and_cancelling(make_worker: Any) -> None:
    worker = make_worker(
        """
        def run(job):
            print("started", job.id)
            while job.asset_path is None and not job.cancelled:
                time.sleep(0.005)
            return {"path": job.asset_path, "cancelled": job.cancelled}
        serve(lambda frame: Loaded({}, run))
        """
    )
    worker.send(type="load")
    worker.until("loaded")
    for number in (1, 2, 3):
        worker.send(type="run", id=number, data={})
    for _ in range(3):
        worker.until("print")
    worker.send(type="asset", id=2, path="/two")
    assert worker.until("result")["prediction"]["path"] == "/two"
    worker.send(type="cancel", id=3)
    result = worker.until("result", "error")
    assert (result["id"], result["prediction"]["cancelled"]) == (3, True)
    for frame in ({"type": "asset", "id": 99, "path": "/x"}, {"type": "cancel", "id": 99}, {"type": "unknown"}):
        worker.send(**frame)
    worker.send(type="asset", id=1, path="/one")
    assert worker.until("result")["prediction"]["path"] == "/one"


def test_the_worker_ends_with_its_host(make_worker: Any) -> None:
    worker = make_worker("serve(lambda frame: Loaded({}, lambda job: time.sleep(600)))\n")
    worker.send(type="load")
    worker.until("loaded")
    worker.send(type="run", id=1, data={})
    worker.process.stdin.close()
    assert worker.process.wait(10) == 70


def test_a_host_that_speaks_nonsense_ends_it(make_worker: Any) -> None:
    worker = make_worker("serve(lambda frame: Loaded({}, print))\n")
    worker.process.stdin.write(b"\xff" * 100)
    worker.process.stdin.flush()
    assert worker.process.wait(10) == 70
