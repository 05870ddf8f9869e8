"""What an earlier run of the app left of a profile's jobs: answers go out, what has none goes on or ends with an error.

An answer that was ever written to the outbox stands, whatever else is known of its job.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from desktop_app.core.errors import KnownError
from desktop_app.core.events import Level
from desktop_app.core.job import Job, JobRecord, JobState
from desktop_app.core.profile import Profile
from desktop_app.hub.client import HubClient
from desktop_app.jobs.delivery import UNREADABLE, Delivery
from desktop_app.jobs.outgoing import is_error
from desktop_app.jobs.pipeline import Pipeline
from desktop_app.jobs.queue import JobQueue, Waiting
from desktop_app.jobs.recorder import Recorder
from desktop_app.jobs.resume import INTERRUPTED, RUN_AGAIN, interrupted
from desktop_app.jobs.sessions import REMEMBERED_SESSIONS, Sessions
from desktop_app.jobs.settling import OwnKey, settle
from desktop_app.store.history import History
from desktop_app.store.outbox import Outbox
from desktop_app.store.search import JobFilter


class TakeUp:
    """Takes up what was left, once, before the first connection.

    Args:
        records: what is known of the jobs that wait, by id; those that go on are added.
        beside: starts something that must not keep the start waiting.
        own_key: gives the profile's own API key, with which it is seen what an earlier run got done.
    """

    def __init__(
        self,
        profile: Profile,
        history: History,
        outbox: Outbox,
        recorder: Recorder,
        records: dict[str, JobRecord],
        beside: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[Any]],
        client: HubClient,
        own_key: OwnKey,
    ) -> None:
        self._profile = profile
        self._history = history
        self._outbox = outbox
        self._recorder = recorder
        self._records = records
        self._beside = beside
        self._client = client
        self._own_key = own_key
        self._restoring: dict[str, JobRecord] = {}
        self._reasons: dict[str, str] = {}

    async def run(self, sessions: Sessions, queue: JobQueue, delivery: Delivery, pipeline: Pipeline) -> None:
        """Fills the sessions, the queue and the delivery.

        Raises:
            StoreError: the database cannot be read.
        """
        pending = await delivery.restore()
        recent = await self._history.list(JobFilter(profile_id=self._profile.id), limit=REMEMBERED_SESSIONS)
        for record in reversed(recent):  # oldest first, as they are forgotten
            if not record.replay_of:
                sessions.remember(record.session, record.id)
        unread = set(await self._outbox.set_aside_ids(self._profile.id))
        for record in await self._history.unfinished(self._profile.id):
            if record.replay_of:
                continue
            if record.id in pending:
                self._restoring[record.id] = record
            elif (sent := await self._outbox.get(record.id)) is not None:
                # Only its last state did not reach the disk: the hub has the answer.
                self._restoring[record.id] = record
                event = json.loads(sent.body_json)
                self.restored(record.id, isinstance(event, dict) and is_error(event))
            elif record.id in unread:
                await self._answer_unread(record, delivery, pipeline)
            elif delivery.answers_calls:
                job = Waiting(record.id, record.session, record.workflow).stub(self._profile.id)
                pipeline.end(job, record, interrupted())
            else:
                self._go_on(record, queue)
        self._reasons = {job_id: why for job_id, why in self._reasons.items() if job_id in self._restoring}
        if delivery.unsettled:
            settling = settle(list(delivery.unsettled), delivery, self._client, self._own_key)
            self._beside(settling, f"settle {self._profile.name}")

    def restored(self, job_id: str, failed: bool) -> None:
        """A job's response, kept from an earlier run, went out (or had gone out)."""
        record = self._restoring.pop(job_id, None)
        if record is None:
            return
        # The states before may not have reached the disk, while the answer did.
        state = JobState.FAILED if failed else JobState.DELIVERED
        error = record.error or (self._reasons.pop(job_id, INTERRUPTED) if failed else "")
        self._recorder.record(replace(record, state=state, error=error, updated_at=time.time()))

    def given_up(self, job_id: str, session: Any, why: str, pipeline: Pipeline) -> None:
        """An error goes in the place of an answer that was handed over, or was on its way, before."""
        if len(self._reasons) < REMEMBERED_SESSIONS:
            self._reasons[job_id] = why
        job = Job(session=str(session), profile_id=self._profile.id, data={"session": session}, id=job_id)
        self._recorder.log(Level.ERROR, why, profile=self._profile, job=job)
        pipeline.tell_hub(job, Level.ERROR, why)

    def _go_on(self, record: JobRecord, queue: JobQueue) -> None:
        if record.state is not JobState.QUEUED:
            record = self._recorder.record(record.moved(JobState.QUEUED))
        self._records[record.id] = record
        queue.restore(Waiting(record.id, record.session, record.workflow))

    async def _answer_unread(self, record: JobRecord, delivery: Delivery, pipeline: Pipeline) -> None:
        """The outbox has lost the answer, which the hub may have seen: never another one."""
        job = Waiting(record.id, record.session, record.workflow).stub(self._profile.id)
        response = (await self._history.detail(record.id)).response
        if isinstance(response, dict) and "response" in response and response.get("session") is not None:
            self._beside(delivery.deliver(delivery.keep(job, response)), f"answer {record.session}")
            self._restoring[record.id] = record
            self.restored(record.id, False)
        else:
            pipeline.end(job, record, KnownError(UNREADABLE, remedy=RUN_AGAIN))
