"""Notices that a script or one of its own modules was changed, so that it can be loaded again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from desktop_app.core.aio import cancel_and_wait, spawn

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0

_Look = dict[Path, tuple[int, int] | None]


class ScriptWatch:
    """Looks at a script's files about once a second.

    Args:
        script: always watched; `watch` adds its modules.
        on_change: awaited after a change, when the files have been still for one look.
    """

    def __init__(self, script: Path, on_change: Callable[[], Awaitable[object]]) -> None:
        self._script = script.absolute()
        self._on_change = on_change
        self._files: frozenset[Path] = frozenset({self._script})
        self._task: asyncio.Task[None] | None = None

    def watch(self, files: Iterable[str | Path]) -> None:
        """Names the modules that the script loaded; replaces those named before."""
        self._files = frozenset({self._script, *(Path(file) for file in files)})

    def start(self) -> None:
        """Begins to look; a second call does nothing."""
        if self._task is None:
            self._task = spawn(self._run(), name=f"watch {self._script.name}")

    async def stop(self) -> None:
        """Ends looking."""
        task, self._task = self._task, None
        await cancel_and_wait(task)

    async def _run(self) -> None:
        known = await self._look()
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            seen = await self._look()
            # A file that came into view only now was loaded in the state it is in.
            changed = [path for path in known.keys() & seen.keys() if known[path] != seen[path]]
            if not changed:
                known = seen
                continue
            await self._until_still(seen)
            log.info("%s changed", ", ".join(sorted(path.name for path in changed)))
            known = await self._look()
            await self._on_change()

    async def _until_still(self, seen: _Look) -> None:
        """Editors write in several steps, and version control many files one after the other."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S / 2)
            now = await self._look()
            if now == seen:
                return
            seen = now

    async def _look(self) -> _Look:
        return await asyncio.to_thread(_stamps, self._files)


def _stamps(files: Iterable[Path]) -> _Look:
    stamps: _Look = {}
    for path in files:
        try:
            stat = path.stat()
            stamps[path] = (stat.st_mtime_ns, stat.st_size)
        except OSError:
            stamps[path] = None
    return stamps
