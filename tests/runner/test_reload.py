from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from desktop_app.core import aio
from desktop_app.runner import reload
from desktop_app.runner.reload import ScriptWatch


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks often."""
    monkeypatch.setattr(reload, "LOOK_EVERY_S", 0.02)


class Counter:
    def __init__(self) -> None:
        self.count = 0
        self.changed = asyncio.Event()

    async def __call__(self) -> None:
        self.count += 1
        self.changed.set()

    async def next(self) -> None:
        await asyncio.wait_for(self.changed.wait(), 10)
        self.changed.clear()


async def _looks(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(reload.LOOK_EVERY_S)


async def test_changes_of_the_script_and_its_modules_are_noticed(tmp_path: Path, quick: None) -> None:
    script, module = tmp_path / "plugin.py", tmp_path / "helper.py"
    for path in (script, module):
        path.write_text("1\n")
    counter = Counter()
    watch = ScriptWatch(script, counter)
    watch.start()
    watch.start()
    await _looks(3)
    assert counter.count == 0
    script.write_text("22\n")
    await counter.next()
    watch.watch([str(module)])
    await _looks(5)
    module.unlink()
    await counter.next()
    module.write_text("back\n")
    await counter.next()
    os.utime(script, ns=(1, 1))
    await counter.next()
    await _looks(5)
    assert counter.count == 4
    await watch.stop()
    script.write_text("333\n")
    await _looks(5)
    assert counter.count == 4
    assert not aio.running_tasks()


async def test_a_change_right_after_the_load_is_not_missed(tmp_path: Path) -> None:
    script, module = tmp_path / "plugin.py", tmp_path / "helper.py"
    for path in (script, module):
        path.write_text("1\n")
    counter = Counter()
    watch = ScriptWatch(script, counter)
    watch.start()
    watch.watch([str(module)])
    module.write_text("22\n")  # before the first look
    await counter.next()
    await watch.stop()


async def test_a_script_tells_which_files_it_loaded(make_bench: Any, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    (folder / "venv" / "lib" / "site-packages").mkdir(parents=True)
    (folder / "helper.py").write_text("import json\n")
    (folder / "venv" / "lib" / "site-packages" / "other.py").write_text("")
    script = folder / "plugin.py"
    script.write_text(
        "import sys, os\nsys.path.append(os.path.join(os.path.dirname(__file__), 'venv/lib/site-packages'))\n"
        "import helper, other\nfrom ango.plugins import ModelPlugin, run\nrun(ModelPlugin('p', 's', print))\n"
    )
    info = await make_bench(script).runner.start()
    assert info["files"] == [str(folder / "helper.py"), str(script)]
