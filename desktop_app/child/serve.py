"""The loop of a worker: load once, answer jobs in threads, say what went wrong, end with the host.

For a worker that loads its model in a function, :func:`serve` is all there is::

    def load(frame: dict) -> Loaded:
        model = open_model(frame["source"])
        return Loaded({"family": model.family}, lambda job: model.predict(job.asset_path), close=model.close)

    serve(load)

`run` functions get a :class:`Job` and return the fields of a Prediction as a dict that JSON can hold (or the dict and
a blob). What they raise becomes the job's error: a :class:`Failure` says it in its own words, anything else is told
with its traceback. Prints go to the log by themselves; `job.log("INFO", "step %d", 3)` writes to the session's log in
the hub. `run` is called in threads, as many at once as the host sends jobs; a thread is used again for the next job.
"""

from __future__ import annotations

import atexit
import ctypes
import faulthandler
import os
import queue
import signal
import sys
import threading
import time
import traceback
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from .channel import Channel, clip, host_is_gone, safe_extra
from .output import Output, current_job
from .tie import tie_to_host
from .wire import Frame, WireError

Answer = Union[Dict[str, Any], Tuple[Dict[str, Any], bytes]]

ENDED = 0
_MOST_CALLS = 100
NOT_STARTED = 71
"""Exit code of a worker that could not load its model."""


class Failure(Exception):
    """Something went wrong that a person can act on; the fields are those of KnownError."""

    def __init__(self, what: str, where: str = "", remedy: str = "", details: str = "", kind: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy
        self.details = details
        self.kind = kind
        """"answer": what the callback returned cannot be an answer; "cancelled"; "away": a model that could not be
        loaded now may be later; "" for everything else."""

    def fields(self) -> Dict[str, str]:
        """The fields as they go into a frame."""
        return {
            "what": self.what,
            "where": self.where,
            "remedy": self.remedy,
            "details": self.details,
            "kind": self.kind,
        }


class Cancelled(BaseException):
    """Raised in the thread of a job that was cancelled."""


class Job:
    """A `run` frame.

    Attributes:
        id: number of the job on this pipe.
        data: the event's object as the hub sent it.
        frame: the whole frame (`page`, `overrides` and whatever else the host adds).
        asset_path: the file in the cache, or None while there is none.
        cancelled: whether nobody waits for the answer any more.
        on_cancel: called, once, from another thread, when that becomes so; for a `run` that can end early.
    """

    def __init__(self, frame: Frame, server: "Server") -> None:
        self.id: int = frame["id"]
        self.frame = frame
        self.data: Dict[str, Any] = frame.get("data") or {}
        self.asset_path: Optional[str] = frame.get("assetPath")
        self.cancelled = False
        self.on_asset: Optional[Callable[[str], None]] = None
        self.on_cancel: Optional[Callable[[], None]] = None
        self.thread: Optional[int] = None
        self.lock = threading.Lock()
        self._server = server

    @property
    def page(self) -> Any:
        """The page or video frame that is asked for, or None."""
        return self.frame.get("page")

    @property
    def overrides(self) -> Dict[str, Any]:
        """What the job's configJSON changes: confidence, iou, max, classes, shape."""
        overrides = self.frame.get("overrides")
        return overrides if isinstance(overrides, dict) else {}

    def log(self, level: str, message: str, *args: Any, **extra: Any) -> None:
        """Writes a line to the session's log (levels: DEBUG, INFO, WARNING, ERROR, CRITICAL)."""
        self._server.log(level, message % args if args else message, self.id, extra)


class Loaded:
    """What `load` returns.

    Args:
        info: what the host shows of the model; JSON.
        run: answers one job.
        close: called once when the worker ends in an orderly way.
    """

    def __init__(
        self, info: Dict[str, Any], run: Callable[[Job], Answer], close: Optional[Callable[[], None]] = None
    ) -> None:
        self.info = info
        self.run = run
        self.close = close


class Server:
    """This process as a worker. Build one with :meth:`open`, once, before anything is printed."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._pid = os.getpid()
        self._jobs: Dict[int, Job] = {}
        self._queue: "queue.SimpleQueue[Job]" = queue.SimpleQueue()
        self._idle = 0
        self._idle_lock = threading.Lock()
        self._run: Optional[Callable[[Job], Answer]] = None
        self._load_frame: Optional[Frame] = None
        self._got_load = threading.Event()
        self._stop = threading.Event()
        self._interruptible = False
        self.output = Output(channel, self._running)
        threading.Thread(target=self._read, name="plugdeck-frames", daemon=True).start()

    @classmethod
    def open(cls) -> "Server":
        """Takes over stdin and stdout, ties this process to the host and starts reading frames."""
        # First: on Linux a priority is a thread's own, and threads have that of the thread that started them.
        tie_to_host()
        return cls(Channel.take_over())

    @property
    def pid(self) -> int:
        """The process that serves; a fork of it has another one."""
        return self._pid

    def wait_for_load(self) -> Frame:
        """The `load` frame; prints are captured from here on."""
        self._got_load.wait()
        frame = self._load_frame
        assert frame is not None  # noqa: S101
        capture = frame.get("capture_fd")
        self.output.install(capture if isinstance(capture, int) else None)
        try:
            # A crash of native code leaves the line that called it among the last words.
            faulthandler.enable(file=2, all_threads=False)
        except (OSError, ValueError, RuntimeError):
            pass
        return frame

    def serve(self, info: Dict[str, Any], run: Callable[[Job], Answer], *, interruptible: bool = False) -> None:
        """Says that the model is loaded and answers jobs until the host says stop. Blocks; main thread or not.

        Args:
            interruptible: a cancelled job's thread gets a Cancelled exception (for Python code of the user's; useless
                for one long call into C).
        """
        self._run = run
        self._interruptible = interruptible
        self.output.flush()
        self._channel.send({"type": "loaded", "info": info})
        self.wait()

    def wait(self) -> None:
        """Waits until the host says stop, whatever signals come: jobs run in threads and go on."""
        if threading.current_thread() is threading.main_thread():
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                signal.signal(signal.SIGINT, _leave_alone)
        while not self._stop.is_set():
            try:
                self._stop.wait()
            except BaseException:
                # A signal handler of the script's raised; the published client would end here.
                self.log("WARNING", "a signal interrupted the script: %s" % traceback.format_exc(limit=0).strip())

    @property
    def serving(self) -> bool:
        """Whether `serve` was called and the host has not said stop."""
        return self._run is not None and not self._stop.is_set()

    def fail(self, failure: Failure) -> None:
        """Says that the model cannot be loaded; the process should end after that."""
        self.output.flush()
        self._channel.send(dict(failure.fields(), type="failed"))

    def log(
        self,
        level: str,
        message: str,
        job_id: Optional[int] = None,
        extra: Optional[Dict[str, Any]] = None,
        details: str = "",
    ) -> None:
        """One line for the log, of a job or of none. Never waits; lines beyond a sensible rate are left out."""
        frame = {"type": "log", "id": job_id, "level": level, "msg": clip(message), "extra": safe_extra(extra or {})}
        if details:
            frame["details"] = details[-20000:]
        self._channel.post(frame)

    def end(self, code: int = ENDED) -> None:
        """Ends the process: exit handlers run, threads of the script's are not waited for."""
        try:
            atexit._run_exitfuncs()  # noqa: SLF001
        except BaseException:
            traceback.print_exc()
        self.output.flush()
        self._channel.send({"type": "ended"})
        os._exit(code)

    def _running(self) -> List[int]:
        return list(self._jobs)

    def _read(self) -> None:
        while True:
            try:
                frame, _ = self._channel.read()
            except (EOFError, OSError, ValueError, WireError):
                host_is_gone()
                return
            kind = frame.get("type")
            if kind == "load":
                self._load_frame = frame
                self._got_load.set()
            elif kind == "run":
                self._start(Job(frame, self))
            elif kind == "asset":
                self._late_asset(frame)
            elif kind == "cancel":
                self._cancel(frame.get("id"))
            elif kind == "where":
                self._tell_where(frame.get("id"))
            elif kind == "stop":
                self._stop.set()

    def _start(self, job: Job) -> None:
        self._jobs[job.id] = job
        with self._idle_lock:
            new = self._idle == 0
            if not new:
                self._idle -= 1
        if new:
            threading.Thread(target=self._work, args=(job,), name="plugdeck-job", daemon=True).start()
        else:
            self._queue.put(job)

    def _work(self, job: Job) -> None:
        while True:
            try:
                self._run_one(job)
            except Cancelled:
                self._finish(job, {"type": "error", "id": job.id, **_CANCELLED.fields()}, b"")
            job = self._queue.get()

    def _run_one(self, job: Job) -> None:
        context = current_job.set(job.id)
        with job.lock:
            job.thread = threading.get_ident()
        started = time.perf_counter()
        blob = b""
        try:
            if job.cancelled:
                raise _CANCELLED
            assert self._run is not None  # noqa: S101
            answer = self._run(job)
            prediction, blob = answer if isinstance(answer, tuple) else (answer, b"")
            prediction.setdefault("run_ms", round((time.perf_counter() - started) * 1000, 3))
            frame: Frame = {"type": "result", "id": job.id, "prediction": prediction}
        except Failure as failure:
            frame = dict(failure.fields(), type="error", id=job.id)
        except Cancelled:
            frame = dict(_CANCELLED.fields(), type="error", id=job.id)
        except BaseException as error:
            frame = dict(unforeseen(error).fields(), type="error", id=job.id)
        with job.lock:
            job.thread = None
            if job.cancelled:
                _raise_in(threading.get_ident(), None)
        current_job.reset(context)
        self._finish(job, frame, blob)

    def _finish(self, job: Job, frame: Frame, blob: bytes) -> None:
        if os.getpid() != self._pid:
            os._exit(0)  # the callback forked and both came back; the job is the parent's
        self.output.flush(job.id)
        self._jobs.pop(job.id, None)
        with self._idle_lock:
            # Before the answer goes: the next job may be here sooner than this thread is back, and shall be its own.
            self._idle += 1
        try:
            self._channel.send(frame, blob)
        except WireError as error:
            failure = Failure("what the model returned cannot be sent: %s" % error, kind="answer")
            self._channel.send(dict(failure.fields(), type="error", id=job.id))

    def _late_asset(self, frame: Frame) -> None:
        job = self._jobs.get(frame.get("id", -1))
        path = frame.get("path")
        if job is None or not isinstance(path, str):
            return
        job.asset_path = path
        if job.on_asset is not None:
            job.on_asset(path)

    def _tell_where(self, job_id: Any) -> None:
        """Says in which calls a job is, outermost first: the host is about to end this process over it."""
        job = self._jobs.get(job_id)
        inner = None if job is None else sys._current_frames().get(job.thread or 0)  # noqa: SLF001
        calls: List[List[Any]] = []
        while inner is not None and len(calls) < _MOST_CALLS:
            calls.insert(0, [inner.f_code.co_filename, inner.f_lineno, inner.f_code.co_name])
            inner = inner.f_back
        self._channel.send({"type": "where", "id": job_id, "calls": calls})

    def _cancel(self, job_id: Any) -> None:
        job = self._jobs.get(job_id)
        if job is None:
            return
        with job.lock:
            job.cancelled = True
            if self._interruptible and job.thread is not None:
                _raise_in(job.thread, Cancelled)
            on_cancel = job.on_cancel
        if on_cancel is not None:
            on_cancel()


_CANCELLED = Failure("the job was cancelled", kind="cancelled")


def _leave_alone(*_: Any) -> None:
    """What SIGINT does once jobs are served: stopping is the host's business."""


def serve(load: Callable[[Frame], Loaded]) -> None:
    """Runs this process as a worker until the host stops it. Does not return."""
    server = Server.open()
    frame = server.wait_for_load()
    try:
        loaded = load(frame)
    except Failure as failure:
        server.fail(failure)
        server.end(NOT_STARTED)
        return
    except BaseException as error:
        server.fail(unforeseen(error))
        server.end(NOT_STARTED)
        return
    if loaded.close is not None:
        atexit.register(loaded.close)
    server.serve(loaded.info, loaded.run)
    server.end()


def unforeseen(error: BaseException) -> Failure:
    """An exception of the worker's own code, which nobody foresaw."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    name = type(error).__name__
    message = str(error).strip().split("\n")[0]
    return Failure("the model failed: %s" % (("%s: %s" % (name, message)) if message else name), details=text)


def _raise_in(thread: int, exception: Optional[type]) -> None:
    target = ctypes.py_object(exception) if exception is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), target)
