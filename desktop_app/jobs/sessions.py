"""Which sessions a profile has seen, and what it says when the hub sends one of them again."""

from __future__ import annotations

import json

from desktop_app.core.errors import StoreError
from desktop_app.core.events import Level
from desktop_app.core.job import Job, JobState
from desktop_app.core.profile import Profile
from desktop_app.hub import protocol
from desktop_app.jobs.delivery import Delivery
from desktop_app.jobs.recorder import Recorder
from desktop_app.store.history import History
from desktop_app.store.outbox import Outbox

REMEMBERED_SESSIONS = 20_000


class Sessions:
    """Same session, same answer, never two different ones.

    Attributes:
        ids: the job of each session, the oldest first; those of very long ago are forgotten.
    """

    def __init__(
        self, profile: Profile, history: History, outbox: Outbox, delivery: Delivery, recorder: Recorder
    ) -> None:
        self._profile = profile
        self._history = history
        self._outbox = outbox
        self._delivery = delivery
        self._recorder = recorder
        self.ids: dict[str, str] = {}

    def remember(self, session: str, job_id: str) -> None:
        """Takes note of a session and its job."""
        self.ids[session] = job_id
        while len(self.ids) > REMEMBERED_SESSIONS:
            del self.ids[next(iter(self.ids))]

    async def answer_again(self, job: Job, known: str) -> None:
        """Sends what the session was answered with before, from the disk; `known` is the id of its job."""
        try:
            record = await self._history.get(known)
            if record is None or not record.state.terminal:
                self._delivery.nothing_to_repeat(job, done=False)
                return
            sent = await self._outbox.get(known)
            if sent is not None and sent.channel == "socket":
                # What really went out; an error may stand here in the place of an answer that could not.
                self._delivery.repeat(known, json.loads(sent.body_json))
                return
            if record.state is not JobState.DELIVERED:
                self._delivery.repeat(known, protocol.failure(job))
                return
            detail = await self._history.detail(known)
        except (StoreError, ValueError) as error:
            what = f"The answer cannot be sent again: {error}"
            self._recorder.log(Level.ERROR, what, profile=self._profile, job=job)
            self._delivery.nothing_to_repeat(job, done=False)
            return
        if isinstance(detail.response, dict) and "response" in detail.response:
            self._delivery.repeat(known, detail.response)
        else:
            self._delivery.nothing_to_repeat(job, done=record.workflow)
