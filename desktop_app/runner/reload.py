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
        self._known: _Look = {self._script: None}
        self._task: asyncio.Task[None] | None = None

    def watch(self, files: Iterable[str | Path]) -> None:
        """Names the modules that the script has just loaded; replaces those named before."""
        named = {self._script, *(Path(file) for file in files)}
        # Looked at now and not with the next look: what changes in between must be seen.
        new = _stamps(named - self._known.keys())
        self._known = {path: self._known.get(path, new.get(path)) for path in named}

    def start(self) -> None:
        """Begins to look; a second call does nothing."""
        if self._task is None:
            self._task = spawn(self._run(), name=f"watch {self._script.name}")

    async def stop(self) -> None:
        """Ends looking."""
        task, self._task = self._task, None
        await cancel_and_wait(task)

    async def _run(self) -> None:
        self._known.update(_stamps([self._script]))
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            seen = await self._look()
            changed = [path for path in self._known.keys() & seen.keys() if self._known[path] != seen[path]]
            if not changed:
                continue
            self._known.update(await self._until_still(seen))
            log.info("%s changed", ", ".join(sorted(path.name for path in changed)))
            await self._on_change()

    async def _until_still(self, seen: _Look) -> _Look:
        """Editors write in several steps, and version control many files one after the other."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S / 2)
            now = await self._look()
            if now == seen:
                return now
            seen = now

    async def _look(self) -> _Look:
        return await asyncio.to_thread(_stamps, tuple(self._known))


def _stamps(files: Iterable[Path]) -> _Look:
    stamps: _Look = {}
    for path in files:
        try:
            stat = path.stat()
            stamps[path] = (stat.st_mtime_ns, stat.st_size)
        except OSError:
            stamps[path] = None
    return stamps
