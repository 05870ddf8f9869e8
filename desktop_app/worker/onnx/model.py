"""A loaded ONNX model: opened once, warmed, loaded again when its file changes, unloaded when idle if asked."""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from desktop_app.core.errors import ModelLoadError
from desktop_app.core.prediction import Prediction
from desktop_app.core.profile import Detection, OnnxSource
from desktop_app.worker.onnx.facts import Facts, gather
from desktop_app.worker.onnx.graph import read_graph
from desktop_app.worker.onnx.identify import corrected, declined, identify_facts, named
from desktop_app.worker.onnx.predict import Asked, predict
from desktop_app.worker.onnx.session import Session, available_providers
from desktop_app.worker.onnx.sidecars import read_sidecars
from desktop_app.worker.onnx.spec import Identification, Task
from desktop_app.worker.onnx.sureness import chosen_parts, sureness


class _Opened:
    """One state of the file: everything that changes together when it is loaded again."""

    def __init__(self, source: OnnxSource, classes: tuple[str, ...] | None) -> None:
        self.stamp = _stamp(source.path)
        graph = read_graph(source.path)
        self.session = Session(graph, source.provider)
        facts = gather(graph, self.session, read_sidecars(source.path))
        chosen = source.overrides.get("family")
        self.found = identify_facts(facts, only=chosen if isinstance(chosen, str) else None)
        self.sure = sureness(self.found, facts, self.found, chosen_parts(source.overrides, classes))
        # The dry run's outputs can be as large as the model, and nothing looks at them any more.
        self.facts: Facts = replace(facts, sampled={})


class OnnxModel:
    """A model that answers for pictures. Safe to use from several threads; `close` ends the one that unloads it.

    Args:
        at_once: runs of the model at one time; who waits for one has decoded its picture already.
        say: gets a line when the model is unloaded and when it is loaded again.

    Raises (on construction):
        ModelLoadError: the file cannot be loaded, or is nothing that gives annotations.
    """

    def __init__(
        self, source: OnnxSource, detection: Detection, *, at_once: int = 1, say: Callable[[str], None] = print
    ) -> None:
        self._source = source
        self._detection = detection
        self._say = say
        # More may be in here: they decode their pictures and shape their answers while the model is busy.
        self._runs = threading.BoundedSemaphore(at_once)
        self._changed = threading.Condition()
        self._running = 0
        self._idle_since = 0.0
        self._closed = False
        self._opened: _Opened | None = None
        self._found, self._info = self._describe(self._open())
        self._unloader: threading.Thread | None = None
        if source.unload_after_s is not None:
            self._unloader = threading.Thread(target=self._unload_when_idle, name="plugdeck-unload", daemon=True)
            self._unloader.start()

    @property
    def found(self) -> Identification:
        """What the file is, corrections applied."""
        return self._found

    @property
    def info(self) -> dict[str, Any]:
        """What the host shows: all of `plugdeck inspect`, and the provider really used with the reason."""
        opened = self._opened
        return self._info if opened is None else self._describe(opened)[1]

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._opened is not None

    def close(self) -> None:
        """Unloads the model for good and ends the thread that waits for idleness."""
        with self._changed:
            self._closed = True
            self._opened = None
            self._changed.notify_all()
        if self._unloader is not None:
            self._unloader.join()

    def predict(self, path: Path, *, page: int = 0, overrides: dict[str, Any] | None = None) -> Prediction:
        """Runs the model on one picture.

        Raises:
            AssetError: the picture cannot be read.
            ModelLoadError: the model was unloaded and cannot be loaded again.
            ModelError: the model failed on it.
        """
        notes: list[str] = []
        with self._in_use(notes) as opened:
            asked = Asked(path, page, overrides)
            return predict(asked, opened.found, opened.facts, self._detection, opened.session, self._runs, notes)

    def _open(self) -> _Opened:
        opened = _Opened(self._source, self._detection.classes)
        opened.found = named(corrected(opened.found, self._source.overrides), self._detection.classes)
        if opened.found.task is Task.UNSUPPORTED:
            raise declined(opened.found, self._source.path.name)
        self._opened, self._idle_since = opened, time.monotonic()
        return opened

    def _describe(self, opened: _Opened) -> tuple[Identification, dict[str, Any]]:
        session = opened.session
        used = {"provider": session.provider, "providers": available_providers(), "notes": list(session.notes)}
        return opened.found, {**opened.found.as_json(), "sure": opened.sure, **used}

    @contextmanager
    def _in_use(self, notes: list[str]) -> Iterator[_Opened]:
        """The loaded model, which is not unloaded meanwhile; loaded again if need be."""
        with self._changed:
            opened = self._current(notes)
            self._running += 1
        try:
            yield opened
        finally:
            with self._changed:
                self._running -= 1
                self._idle_since = time.monotonic()
                self._changed.notify_all()

    def _current(self, notes: list[str]) -> _Opened:
        """The loaded model; loaded again if it was unloaded or the file is another one by now."""
        stamp = _stamp(self._source.path)
        if self._opened is None:
            started = time.perf_counter()
            self._found, self._info = self._describe(self._open())
            self._say(f"The model was loaded again for a job, in {time.perf_counter() - started:.1f} s.")
        elif stamp is not None and stamp != self._opened.stamp:
            try:
                self._found, self._info = self._describe(self._open())
                notes.append("The model's file has changed and was loaded again.")
            except ModelLoadError as error:
                self._opened.stamp = stamp
                notes.append(f"The model's file has changed but cannot be loaded; the former one answers. {error}")
        assert self._opened is not None  # noqa: S101
        return self._opened

    def _unload_when_idle(self) -> None:
        limit = self._source.unload_after_s or 0.0
        with self._changed:
            while not self._closed:
                if self._opened is None or self._running:
                    self._changed.wait()
                    continue
                left = self._idle_since + limit - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                self._found, self._info = self._describe(self._opened)
                self._opened = None
                _give_memory_back()
                self._say(f"The model was unloaded after {limit:g} s without a job; the next one loads it again.")


def _give_memory_back() -> None:
    """Returns freed memory to the system, which glibc else keeps for the next allocation."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library has no such function
            ctypes.CDLL(None).malloc_trim(0)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
