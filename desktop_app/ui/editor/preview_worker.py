"""One model kept loaded, so that trying it on the next picture takes as long as running it and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop_app.core.errors import KnownError
from desktop_app.core.profile import Profile
from desktop_app.ui.hosting import Host

IDLE_S = 300.0
"""Without a picture for so long, the model leaves memory; the next picture loads it again."""

Start = Callable[[Coroutine[Any, Any, Any], str], None]


@dataclass(slots=True)
class _Kept:
    """A loaded model and what it is asked; `closed` also counts before its first step."""

    profile: Profile
    asked: asyncio.Queue[tuple[Path, str, asyncio.Future[Any]]] = field(default_factory=asyncio.Queue)
    waiting: set[asyncio.Future[Any]] = field(default_factory=set)
    task: asyncio.Task[Any] | None = None
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    closed: bool = False

    def close(self) -> None:
        self.closed = True
        if self.task is not None:
            self.task.cancel()


class PreviewWorker:
    """At most one worker at a time: another profile ends the former one's first.

    Args:
        start: runs a coroutine and shows its errors.
    """

    def __init__(self, host: Host, start: Start) -> None:
        self._host = host
        self._start = start
        self._kept: _Kept | None = None

    def holds(self, profile: Profile) -> bool:
        """Whether this profile's model is loaded, or being loaded."""
        return self._kept is not None and not self._kept.closed and self._kept.profile == profile

    async def run(self, profile: Profile, picture: Path, config: str) -> Any:
        """Runs one picture through the profile's model, loaded first where it is not.

        Args:
            config: the Config JSON of this run.

        Raises:
            ModelLoadError: the model cannot be loaded.
        """
        if not self.holds(profile):
            before, self._kept = self._kept, _Kept(profile)
            if before is not None:
                before.close()
            self._start(self._keep(self._kept, before), "keep a model for the preview")
        kept = self._kept
        assert kept is not None  # noqa: S101 - just made
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        kept.waiting.add(answer)
        kept.asked.put_nowait((picture, config, answer))
        try:
            return await answer
        finally:
            kept.waiting.discard(answer)

    def close(self) -> None:
        """Ends the worker."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    async def _keep(self, kept: _Kept, before: _Kept | None) -> None:
        kept.task = asyncio.current_task()
        try:
            if before is not None:
                await before.gone.wait()
            if not kept.closed:
                await self._serve(kept)
        except KnownError as error:
            for answer in kept.waiting:
                if not answer.done():
                    answer.set_exception(error)
        finally:
            kept.closed = True
            kept.gone.set()
            for answer in kept.waiting:
                answer.cancel()

    async def _serve(self, kept: _Kept) -> None:
        async with self._host.trial(kept.profile) as trial:
            while True:
                try:
                    async with asyncio.timeout(IDLE_S):
                        picture, config, answer = await kept.asked.get()
                except TimeoutError:
                    if not kept.asked.empty():
                        continue
                    kept.closed = True  # from here on a picture needs another worker
                    return
                if answer.done():  # nobody waits for it any more
                    continue
                found = await trial.run(picture, config)
                if not answer.done():
                    answer.set_result(found)
