"""The two ways to a hub: we call it (a socket), or it calls us (REST)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desktop_app.core.profile import Profile
from desktop_app.hub.client import HubClient
from desktop_app.hub.listener import Link, Listener, Timing
from desktop_app.jobs.delivery import Delivery
from desktop_app.store.outbox import Outbox

if TYPE_CHECKING:
    from desktop_app.hub.rest import RestConnector, RestServer


@dataclass(frozen=True, slots=True)
class Ears:
    """Who hears of what, and who is asked; see Listener, RestConnector and Delivery."""

    job: Callable[[Any], None]
    link: Callable[[Link], None]
    up: Callable[[], None]
    ping: Callable[[], None]
    roomy: Callable[[], Awaitable[None]]
    restored: Callable[[str, bool], None]
    given_up: Callable[[str, Any, str], None]
    refusal: Callable[[], str]
    is_export: Callable[[], bool]


def connect(
    profile: Profile,
    secret: Callable[[], Awaitable[str]],
    outbox: Outbox,
    client: HubClient,
    ears: Ears,
    timing: Timing,
    rest: RestServer | None,
) -> tuple[Listener | RestConnector, Delivery]:
    """A profile's way in and its way out, not started yet.

    Args:
        rest: where the hub calls; None: we call the hub.
    """
    if rest is None:
        listener = Listener(
            profile,
            secret,
            on_job=ears.job,
            on_link=ears.link,
            on_up=ears.up,
            on_ping=ears.ping,
            roomy=ears.roomy,
            timing=timing,
        )
        return listener, Delivery(profile.id, outbox, listener, client, ears.restored, ears.given_up)
    # Here and not above: most of those who serve have no use for an HTTP server.
    from desktop_app.hub.rest import RestConnector
    from desktop_app.jobs.rest_delivery import RestDelivery

    connector = RestConnector(
        rest, profile, secret, client, on_job=ears.job, on_link=ears.link, refusal=ears.refusal, timing=timing
    )
    return connector, RestDelivery(profile.id, outbox, connector, client, ears.restored, ears.is_export, ears.given_up)
