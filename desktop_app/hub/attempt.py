"""One short connection that tells whether a plugin's id and secret are taken."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

from desktop_app.core import aio
from desktop_app.core.errors import HubUnreachable, JobError, KnownError, LoginRefused
from desktop_app.core.events import ProfileState
from desktop_app.core.profile import Profile
from desktop_app.hub import protocol
from desktop_app.hub.listener import LOGIN_REMEDY, Link, Listener, Timing

log = logging.getLogger(__name__)

LIMIT_S = 12.0
SETTLE = 3
"""A login that nobody keeps alive is watched so many times longer than usual before it counts."""


async def try_login(profile: Profile, secret: str, timing: Timing, *, limit_s: float = LIMIT_S) -> None:
    """Connects, logs in, and leaves; returns once the connection has outlived its login.

    A job that the hub sends meanwhile is answered with an error: nobody would run it.

    Raises:
        LoginRefused: the hub closes the connection after the login, twice.
        HubUnreachable: there is no connection, or nothing is settled within `limit_s` seconds.
    """
    settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    refusing: set[asyncio.Task[None]] = set()

    async def given_secret() -> str:
        return secret

    def changed(link: Link) -> None:
        if not settled.done() and (outcome := _outcome(profile, link)) is not None:
            if isinstance(outcome, KnownError):
                settled.set_exception(outcome)
            else:
                settled.set_result(None)

    def job(payload: Any) -> None:
        try:
            answer = protocol.failure(protocol.parse_job(payload, profile.id))
        except JobError:
            return
        log.warning("%s: a job arrived while the connection was tested; it was answered with an error", profile.name)
        refusing.add(aio.spawn(listener.emit(protocol.EVENT_RESPONSE, answer), name="refuse a job"))

    quick = replace(timing, settle=SETTLE * timing.settle, backoff_first=timing.backoff_first / 2)
    listener = Listener(profile, given_secret, on_job=job, on_link=changed, timing=quick)
    listener.start()
    try:
        await asyncio.wait_for(settled, limit_s)
    except TimeoutError:
        raise HubUnreachable(
            "The hub did not settle the login in time", where=profile.host, remedy="Try again; check the network."
        ) from None
    finally:
        await asyncio.gather(*refusing, return_exceptions=True)
        await listener.stop()


def _outcome(profile: Profile, link: Link) -> KnownError | bool | None:
    """True once online, an error once that is settled, None while it is not."""
    if link.state is ProfileState.ONLINE:
        return True
    if link.state is ProfileState.LOGIN_REFUSED:
        return LoginRefused(
            "The hub closes the connection right after the login", where=profile.host, remedy=LOGIN_REMEDY
        )
    if link.state is ProfileState.RECONNECTING and LOGIN_REMEDY not in link.detail:
        what, _, remedy = link.detail.partition(f" ({profile.host})")
        return HubUnreachable(
            what.rstrip(".") or "There is no connection to the hub",
            where=profile.host,
            remedy=remedy.lstrip(". ") or "Check the hub's address and the network.",
        )
    return None
