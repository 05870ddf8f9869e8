"""The runs over projects of one profile: one at a time, held, let go, and left for the next start."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.core.errors import KnownError, SecretError
from desktop_app.core.events import Level
from desktop_app.core.job import BatchProgress, Job
from desktop_app.core.prediction import Prediction
from desktop_app.core.profile import Profile
from desktop_app.hub.client import HubClient
from desktop_app.jobs.batch.patience import PatientHub
from desktop_app.jobs.batch.plan import Plan, is_batch, plan_of
from desktop_app.jobs.batch.run import BatchRun, Tools
from desktop_app.jobs.pipeline import Pipeline
from desktop_app.jobs.shared import Shared
from desktop_app.runner.pool import Runner
from desktop_app.store.batches import BatchRow

log = logging.getLogger(__name__)

GOES_ON_WITHIN_S = 3 * 86_400.0
"""A run that was left in the middle so long ago is not taken up by a new one any more."""


class BatchRoom:
    """Runs the jobs of one profile that are over whole projects.

    Attributes:
        key: the profile's own API key, once it was asked for.
    """

    def __init__(
        self,
        profile: Profile,
        shared: Shared,
        runner: Runner,
        client: HubClient,
        pipeline: Pipeline,
        broken: Callable[[], KnownError | None],
    ) -> None:
        self._profile = profile
        self._shared = shared
        self._runner = runner
        self._client = client
        self._pipeline = pipeline
        self._broken = broken
        self._one_at_a_time = asyncio.Lock()
        self._running: dict[str, BatchRun] = {}
        self._asking: asyncio.Task[str | None] | None = None
        self._leaving = False
        self.key: str | None = None

    def takes(self, job: Job) -> bool:
        """Whether a job is over a project and for us to run."""
        return is_batch(job, self._profile)

    async def own_key(self) -> str | None:
        """The profile's own API key: the job's is gone after a restart. None where it has none, or none can be had."""
        if self._asking is None:
            self._asking = spawn(self._ask(), name=f"API key {self._profile.name}")
        self.key = await asyncio.shield(self._asking)
        return self.key

    async def ask_for_key(self) -> None:
        """Finds out beside a new job whether it could go on after a restart."""
        await self.own_key()

    async def _ask(self) -> str | None:
        try:
            return await self._shared.api_key(self._profile)
        except SecretError as error:
            self._shared.recorder.log(Level.WARNING, str(error), profile=self._profile)
            return None

    def pause(self, job_id: str, paused: bool) -> bool:
        """Holds a run or lets it go on; False if it does not run here."""
        run = self._running.get(job_id)
        if run is not None:
            run.pause(paused)
        return run is not None

    def leave(self) -> None:
        """The profile is being stopped: runs end after the assets that are in the model."""
        self._leaving = True
        for run in self._running.values():
            run.leave()

    async def close(self) -> None:
        """Ends what is left."""
        await cancel_and_wait(self._asking)

    async def run(self, job: Job, show: Callable[[BatchProgress], None]) -> Prediction:
        """Does a job over a project, or what is left of it; waits for the one before it.

        Raises:
            KnownError: it cannot go on.
        """
        async with self._one_at_a_time:
            if self._leaving:
                raise asyncio.CancelledError
            return await self._run(job, show)

    async def _run(self, job: Job, show: Callable[[BatchProgress], None]) -> Prediction:
        plan = plan_of(job, self._profile)
        keys = [key for key in (job.api_key, await self.own_key()) if key]
        row = await self._row(job, plan)
        run: BatchRun | None = None

        def waits(why: str) -> None:
            if run is not None:
                run.waits(why)

        tools = Tools(
            profile=self._profile,
            hub=PatientHub(self._client, plan.project_id, keys, waits),
            runner=self._runner,
            assets=self._shared.assets,
            turns=self._pipeline.turns,
            store=self._shared.batches,
            say=lambda level, text: self._say(job, level, text),
            broken=self._broken,
            show=show,
        )
        run = BatchRun(job, plan, row, tools)
        self._running[job.id] = run
        if self._leaving:
            run.leave()  # the word went out while the run was being made ready
        try:
            return await run.run()
        except asyncio.CancelledError:
            if not self._pipeline.leaving:
                self._shared.batches.end(job.id, "cancelled")
            raise
        except KnownError:
            self._say(job, Level.WARNING, "Run the plugin again to go on where it stopped")
            raise
        finally:
            del self._running[job.id]

    async def _row(self, job: Job, plan: Plan) -> BatchRow:
        """Where the job is to begin."""
        store = self._shared.batches
        row = await store.get(job.id)
        if row is None and not plan.start_over:
            since = time.time() - GOES_ON_WITHIN_S
            left = await store.left(self._profile.id, plan.fingerprint, since, tuple(self._running))
            if left is not None:
                await store.take_over(left.job_id, job.id)
                row = await store.get(job.id)
        if row is not None:
            done = row.imported + row.failed
            self._say(job, Level.INFO, f"Goes on where it stopped: {done:,} of {row.total:,} assets are done")
            if row.paused:
                self._say(job, Level.WARNING, "It is held: let it go on in Plugdeck's window")
            return row
        row = BatchRow(job.id, self._profile.id, plan.project_id, plan.fingerprint)
        await store.begin(row)
        if plan.retry_failed:
            last = await store.last(self._profile.id, plan.project_id, job.id)
            count = await store.take_failed(last.job_id, job.id) if last is not None else 0
            self._say(job, Level.INFO, f"{count:,} assets failed in the last run over this project; these are tried")
            return await store.get(job.id) or row
        limited = f", limited to {len(plan.batches)} batches" if plan.batches else ""
        self._say(job, Level.INFO, f"A run over the project {plan.project_id}{limited} begins")
        return row

    def _say(self, job: Job, level: Level, text: str) -> None:
        self._shared.recorder.log(level, text, profile=self._profile, job=job)
        self._pipeline.tell_hub(job, level, text)
