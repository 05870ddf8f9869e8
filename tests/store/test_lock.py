import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from desktop_app.core.errors import StoreError
from desktop_app.store.lock import FileLock

HOLDER = """
import sys, pathlib
from desktop_app.store.lock import FileLock
FileLock(pathlib.Path(sys.argv[1])).acquire("plugdeck run")
print("held", flush=True)
sys.stdin.read()
"""


def test_another_process_is_named_and_its_death_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "plugdeck.lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        lock = FileLock(path)
        with pytest.raises(StoreError) as caught:
            lock.acquire("the window")
        assert f"plugdeck run (process {child.pid})" in caught.value.what
        child.send_signal(signal.SIGKILL)
        child.wait(10)
    lock.acquire("the window")
    assert lock.held
    lock.release()


def test_it_can_be_taken_again_after_it_was_given_back(tmp_path: Path) -> None:
    path = tmp_path / "plugdeck.lock"
    one, other = FileLock(path), FileLock(path)
    one.acquire("one")
    one.acquire("one again")
    assert not other.try_acquire("other")
    assert other.holder() == f"one (process {os.getpid()})"
    one.release()
    one.release()
    assert other.try_acquire("other")
    other.release()
    assert other.holder() == "another process"


def test_a_lock_file_that_cannot_be_made_is_a_known_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        FileLock(tmp_path / "nowhere" / "plugdeck.lock").acquire("x")
