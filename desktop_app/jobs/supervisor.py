"""Keeps every running profile's service; one failing touches no other."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from desktop_app.core.events import ProfileStatus
from desktop_app.core.profile import Profile

if TYPE_CHECKING:
    from desktop_app.hub.rest import RestServer
    from desktop_app.jobs.service import ProfileService
    from desktop_app.jobs.shadow import ShadowService
    from desktop_app.jobs.shared import Shared

log = logging.getLogger(__name__)


class Supervisor:
    """The running profiles."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._services: dict[str, ProfileService | ShadowService] = {}
        self._ending: dict[str, asyncio.Event] = {}
        self._rest: dict[str, RestServer] = {}

    @property
    def running(self) -> tuple[str, ...]:
        """Ids of the profiles that are served (or are trying to be)."""
        return tuple(self._services)

    def status(self, profile_id: str) -> ProfileStatus:
        """What a profile is doing; stopped where it is not served."""
        service = self._services.get(profile_id)
        return service.status if service else ProfileStatus(profile_id)

    def info(self, profile_id: str) -> dict[str, Any] | None:
        """What a profile's worker said of its model, or None."""
        service = self._services.get(profile_id)
        return service.info if service else None

    def start(self, profile: Profile, rest: RestServer | None = None) -> None:
        """Serves a profile; nothing happens if it is served already.

        Args:
            rest: where the hub calls it, from now on also when it is started anew; None: we call the hub.
        """
        if rest is not None:
            self._rest[profile.id] = rest
        if profile.id not in self._services:
            service = self._service(profile)
            self._services[profile.id] = service
            service.start()

    def _service(self, profile: Profile) -> ProfileService | ShadowService:
        # Here and not above: the window is there before them, and a warm-up has mostly loaded them by now.
        from desktop_app.jobs.service import ProfileService
        from desktop_app.jobs.shadow import ShadowService

        live = profile.shadow_of
        if live is None:
            return ProfileService(profile, self._shared, self._rest.get(profile.id))
        return ShadowService(profile, self._shared, lambda: self.status(live).running > 0)

    async def stop(self, profile_id: str, drain_s: float = 5.0, *, for_good: bool = False) -> None:
        """Stops serving a profile and waits until its worker is gone; see ProfileService.stop."""
        service = self._services.get(profile_id)
        if service is not None:
            ended = self._ending.setdefault(profile_id, asyncio.Event())
            try:
                await service.stop(drain_s, for_good=for_good)
            finally:
                # Somebody else may have stopped it too, and have started it anew before this one noticed.
                if self._services.get(profile_id) is service:
                    del self._services[profile_id]
                if self._ending.get(profile_id) is ended:
                    del self._ending[profile_id]
                ended.set()

    async def settled(self, profile_id: str) -> None:
        """Waits for a stop that is under way: a start in the middle of it would do nothing."""
        ended = self._ending.get(profile_id)
        if ended is not None:
            await ended.wait()

    async def stop_all(self, drain_s: float = 5.0) -> None:
        """Stops all at the same time."""
        ids = self.running
        outcomes = await asyncio.gather(*(self.stop(one, drain_s) for one in ids), return_exceptions=True)
        for profile_id, outcome in zip(ids, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                log.error("stopping profile %s failed", profile_id, exc_info=outcome)

    def pending(self) -> tuple[int, int]:
        """How many jobs are not answered yet, and how many answers wait for the hub."""
        numbers = [service.pending() for service in self._services.values()]
        return sum(running for running, _ in numbers), sum(waiting for _, waiting in numbers)

    def hurry(self) -> None:
        """Cuts the drain of those short that are being stopped."""
        for service in self._services.values():
            service.hurry()

    async def restart_worker(self, profile_id: str) -> None:
        """A new worker for a running profile."""
        service = self._services.get(profile_id)
        if service is not None:
            await service.restart_worker()

    def renew(self, why: str) -> None:
        """Connects all anew: the computer slept, or the network changed."""
        for service in self._services.values():
            service.renew(why)

    def reconnect_now(self) -> None:
        """Ends all waiting times between attempts to connect."""
        for service in self._services.values():
            service.reconnect_now()

    def pause(self, job_id: str, paused: bool) -> bool:
        """Holds a job over a whole project, or lets it go on. False if none runs."""
        return any(service.pause(job_id, paused) for service in self._services.values())

    def cancel(self, job_id: str) -> bool:
        """Ends a job wherever it is. False if it is over already."""
        return any(service.cancel(job_id) for service in self._services.values())
