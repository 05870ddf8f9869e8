from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from desktop_app.reporting import Reporting


async def test_whatever_escapes_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []
    all_told = asyncio.Event()
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)

    def report(error: BaseException, where: str) -> None:
        told.append((type(error).__name__, where))
        if len(told) == 3:
            all_told.set()

    with Reporting(report, "the window"):
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: 1 / 0)
        thread = threading.Thread(target=lambda: {}["x"], name="a-thread")
        thread.start()
        await asyncio.to_thread(thread.join)

        class Falls:
            def __del__(self) -> None:
                raise LookupError

        Falls()
        gc.collect()
        sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
        await asyncio.wait_for(all_told.wait(), 60)
        sys.excepthook(MemoryError, MemoryError("the main line"), None)
    kinds = dict(told)
    assert set(kinds) == {"ZeroDivisionError", "KeyError", "LookupError", "MemoryError"}
    assert kinds["KeyError"] == "the thread a-thread"
    assert kinds["MemoryError"] == "the window"
    assert len(told) == 4


async def test_a_reporter_that_fails_is_not_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    def report(_error: BaseException, _where: str) -> None:
        raise OSError("the disk is full")

    with Reporting(report, "the window"):
        asyncio.get_running_loop().call_exception_handler({"message": "x", "exception": ValueError("first")})
    assert "no crash report could be made" in caplog.text


DIE = """
import asyncio, faulthandler, sys
from pathlib import Path
from desktop_app.reporting import Reporting

async def main():
    with Reporting(lambda *_: None, "the window", lambda: Path(sys.argv[1])) as reporting:
        reporting.watch_signals()
        if sys.argv[2] == "die":
            faulthandler._sigsegv()

asyncio.run(main())
"""


@pytest.mark.skipif(os.name == "nt", reason="a signal of POSIX")
@pytest.mark.parametrize("how", ["die", "live"])
async def test_a_fatal_signal_leaves_where_it_hit(tmp_path: Path, how: str) -> None:
    dump = tmp_path / "fatal-1.dump"
    arguments: Any = [sys.executable, "-c", DIE, str(dump), how]
    done = await asyncio.to_thread(subprocess.run, arguments, capture_output=True, timeout=100, check=False)
    if how == "live":
        assert done.returncode == 0
        assert not dump.exists(), "nothing is left of a good end"
    else:
        assert done.returncode < 0
        text = await asyncio.to_thread(dump.read_text)
        assert text.startswith("Fatal Python error: Segmentation fault")
        assert "in main" in text
