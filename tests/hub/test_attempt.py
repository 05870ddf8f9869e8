"""Testing a connection, at a hub that takes the login, refuses it, is none, or sends a job meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from desktop_app.core.errors import HubUnreachable, LoginRefused
from desktop_app.hub.attempt import try_login
from desktop_app.hub.demo.state import EventKind, of_kind
from desktop_app.hub.listener import Timing

QUICK = Timing(heartbeat=0.2, settle=0.05, quick_drop=0.4, connect=2.0, backoff_first=0.02, backoff_limit=0.1)


async def test_a_login_that_is_taken_leaves_nothing_behind(hub, make_profile):
    await try_login(make_profile(hub.url), "s1", QUICK)
    await hub.wait_until(lambda: not hub.online("p1"))
    assert hub.plugins["p1"].logins == 1
    assert hub.protocol_errors == []


async def test_a_wrong_secret_is_told_from_a_hub_that_is_away(hub, make_profile):
    with pytest.raises(LoginRefused) as refused:
        await try_login(make_profile(hub.url), "wrong", QUICK)
    assert refused.value.remedy == "Check plugin id and secret."
    await hub.pause()
    with pytest.raises(HubUnreachable) as away:
        await try_login(make_profile(hub.url), "s1", QUICK)
    assert away.value.where == hub.url
    assert away.value.what.count(hub.url) == 0, "the address is said once"


async def test_it_does_not_wait_for_ever(hub, make_profile):
    hub.faults.handshake_delay = 60
    with pytest.raises(HubUnreachable, match="in time"):
        await try_login(make_profile(hub.url), "s1", QUICK, limit_s=0.1)


async def test_a_job_that_comes_meanwhile_ends_with_an_error(hub, make_profile):
    trying = asyncio.create_task(  # noqa: TID251
        try_login(make_profile(hub.url), "s1", Timing(settle=0.3, quick_drop=2.0, connect=2.0))
    )
    await hub.wait_until(lambda: hub.online("p1"))
    session = await hub.run_plugin("p1")
    await trying
    await session.wait(5)
    assert session.error
    assert of_kind(hub.events, EventKind.RESPONSE)
