from __future__ import annotations

import threading
from typing import Any

from desktop_app.ui.background import Background


def test_work_runs_elsewhere_and_ends_here(qtbot: Any) -> None:
    background = Background()
    where: list[Any] = []
    background.run(threading.current_thread, lambda thread: where.append((thread, threading.current_thread())))
    qtbot.waitUntil(lambda: bool(where))
    assert where[0][0] is not threading.main_thread()
    assert where[0][1] is threading.main_thread()
    assert background.pending == 0
    background.close()


def test_failures_are_handed_over(qtbot: Any) -> None:
    background = Background()
    errors: list[Exception] = []

    def fail() -> None:
        raise ValueError("no")

    background.run(fail, lambda _: None, errors.append)
    qtbot.waitUntil(lambda: bool(errors))
    assert isinstance(errors[0], ValueError)
    background.close()


def test_nothing_is_called_after_closing(qtbot: Any) -> None:
    background = Background(threads=1)
    gate = threading.Event()
    called: list[object] = []
    background.run(gate.wait, called.append)
    background.run(lambda: 1, called.append)
    gate.set()
    background.close()
    background.run(lambda: 2, called.append)
    qtbot.wait(1)
    assert called == []
