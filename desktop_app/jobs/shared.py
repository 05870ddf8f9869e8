"""What the services of all profiles share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from desktop_app.core.events import ModelLoaded, ProfileStatus
    from desktop_app.core.profile import Profile
    from desktop_app.hub.listener import Timing
    from desktop_app.jobs.assets import Assets
    from desktop_app.jobs.recorder import Recorder
    from desktop_app.runner.pool import Runner, RunnerState
    from desktop_app.store.batches import Batches
    from desktop_app.store.history import History
    from desktop_app.store.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Shared:
    """What all profiles share.

    Attributes:
        api_key: gives a profile's own API key, with which its runs over projects go on after a restart, or None.
    """

    history: History
    outbox: Outbox
    batches: Batches
    assets: Assets
    recorder: Recorder
    timing: Timing
    make_runner: Callable[[Profile, Callable[..., None], Callable[[RunnerState], None]], Runner]
    secret: Callable[[Profile], Awaitable[str]]
    api_key: Callable[[Profile], Awaitable[str | None]]
    on_bug: Callable[[BaseException, str], None]
    on_status: Callable[[ProfileStatus], None]
    on_model: Callable[[ModelLoaded], None]
