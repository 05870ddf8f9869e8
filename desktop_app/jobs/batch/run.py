"""One run over a project: page by page, chunk by chunk, with the place on disk after each."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.core.errors import AnswerError, AssetError, HubRefused, JobError, KnownError, ModelError
from desktop_app.core.events import Level
from desktop_app.core.job import BatchProgress, Job
from desktop_app.core.prediction import Prediction
from desktop_app.core.profile import AnswerFormat, Profile
from desktop_app.jobs.answer import build_answer
from desktop_app.jobs.assets import Assets
from desktop_app.jobs.batch.listing import Chunk, Item, Listing, item_of
from desktop_app.jobs.batch.pace import Pace, closing_words, progress_line
from desktop_app.jobs.batch.patience import BAD_KEY, PatientHub, Row
from desktop_app.jobs.batch.plan import Plan
from desktop_app.jobs.queue import Turns
from desktop_app.runner.pool import Runner
from desktop_app.store.batches import Batches, BatchRow, Outcome
from desktop_app.store.redact import MASK

log = logging.getLogger(__name__)

AHEAD = 4
"""Assets that are fetched while others are in the model."""
TOLD_FAILURES = 100
"""Failures that are told to the session one by one; all are on disk."""
TOLD_NOTES = 20
TELL_S = 30.0
SHOW_S = 0.25
OUTAGE_WAITS = (5.0, 20.0, 60.0)
"""A chunk of which no asset can be had is tried again after these: rather the network failed than all of them."""
OUTAGE_FROM = 3


@dataclass(frozen=True, slots=True)
class Done:
    """One asset with its answer, or why it has none."""

    item: Item
    answer: dict[str, Any] | None = None
    objects: int = 0
    reason: str = ""
    unfetched: bool = False


@dataclass(frozen=True, slots=True)
class Tools:
    """What a run works with.

    Attributes:
        say: a line for the session's log and ours.
        broken: why the model does not run at all any more, or None.
        show: hears how far it is.
    """

    profile: Profile
    hub: PatientHub
    runner: Runner
    assets: Assets
    turns: Turns
    store: Batches
    say: Callable[[Level, str], None]
    broken: Callable[[], KnownError | None]
    show: Callable[[BatchProgress], None]


class BatchRun:
    """Does one job over a project.

    Args:
        left: what an earlier run of the app, or an earlier job, has done of it; None: nothing.
    """

    def __init__(self, job: Job, plan: Plan, row: BatchRow, tools: Tools) -> None:
        self._job = job
        self._plan = plan
        self._tools = tools
        self._row = row
        self._imported, self._failed, self._objects = row.imported, row.failed, row.objects
        self._listing = Listing(plan, row, tools.hub, tools.store)
        self._done = row.imported + row.failed
        self._go = asyncio.Event()
        self._slots = asyncio.Semaphore(tools.profile.jobs_in_worker + AHEAD)
        self._pace = Pace()
        self._notes: dict[str, str] = {}
        self._failures: list[str] = []
        self._waiting = ""
        self._trusts_network = True
        self._leaving = False
        self._broken: KnownError | None = None
        self._stays_at: int | None = None
        self._told_at = self._shown_at = 0.0
        if not row.paused:
            self._go.set()

    @property
    def paused(self) -> bool:
        """Whether a person holds it."""
        return not self._go.is_set()

    def pause(self, paused: bool) -> None:
        """Begins no more assets, or goes on."""
        if paused == self.paused or self._leaving:
            return
        (self._go.clear if paused else self._go.set)()
        self._pace.forget()
        self._tools.store.pause(self._job.id, paused)
        self._tools.say(Level.INFO, "Paused in Plugdeck" if paused else "Goes on")
        self._show(now=True)

    def leave(self) -> None:
        """The app is about to end: what is in the model is finished and imported, the rest is for the next start."""
        self._leaving = self._listing.ending = True
        self._go.set()

    def waits(self, why: str) -> None:
        """The hub is away (or is back: "")."""
        if why != self._waiting:
            self._waiting = why
            self._pace.forget()
            self._show(now=True)

    async def run(self) -> Prediction:
        """Does what is left; returns the words for the hub.

        Raises:
            KnownError: it cannot go on. What was done is on disk: the next run with the same plan goes on there.
        """
        self._show(now=True)
        await self._settle_sent()
        behind: tuple[Chunk, list[asyncio.Task[Done | None]]] | None = None
        tasks: list[asyncio.Task[Done | None]] = []
        try:
            async for chunk in self._listing.chunks():
                ahead = [spawn(self._one(item), name=f"asset {item.id}") for item in chunk.items]
                tasks = [*(task for task in tasks if not task.done()), *ahead]
                if behind is not None:
                    await self._settle(*behind)
                behind = (chunk, ahead)
                if self._leaving or self._broken is not None:
                    break
            if behind is not None:
                await self._settle(*behind)
        finally:
            await cancel_and_wait(*tasks)
        if self._leaving:
            raise asyncio.CancelledError
        if self._broken is not None:
            raise self._broken
        await self._tools.store.close(self._job.id, "done")
        message = closing_words(self._listing.total, self._imported, self._failed, self._objects)
        notes = (*(f"{note} (first: {name})" for note, name in self._notes.items()), *self._failures)
        return Prediction(kind="batch", returned=message, notes=notes, told=True, objects=self._objects)

    # ---- one asset ----

    async def _one(self, item: Item) -> Done | None:
        """None where it was not begun or not done, for the run is about to end."""
        async with self._slots:
            await self._go.wait()
            done = await self._try(item)
        if done is None:
            return None
        self._done += 1
        self._pace.note(self._done)
        self._show(now=self.paused)  # nothing may follow for long
        return done

    async def _try(self, item: Item) -> Done | None:
        if self._leaving or self._broken is not None:
            return None
        try:
            return await self._answer(item)
        except AssetError as error:
            return Done(item, reason=str(error), unfetched=True)
        except (ModelError, AnswerError, JobError, HubRefused) as error:
            broken = self._why_all_fail(error)
            if broken is None:
                return Done(item, reason=str(error))
            self._break(broken)
            return None

    def _why_all_fail(self, error: KnownError) -> KnownError | None:
        """What the next assets would fail with as well, or None where it is about the one asset."""
        if isinstance(error, HubRefused) and error.status in BAD_KEY:
            return error
        return self._tools.broken() if isinstance(error, ModelError) else None

    def _break(self, why: KnownError) -> None:
        """Begins no more assets; `run` raises it once what was done is on disk."""
        self._broken = self._broken or why
        self._listing.ending = True
        self._go.set()

    async def _answer(self, item: Item) -> Done:
        tools = self._tools
        path = (await self._fetch(item)).path
        await self._go.wait()
        existing = None
        if self._job.overwrite is False:
            if item.task_id is None:
                raise JobError("The asset's annotations are to be kept, but the hub names no task to read them from")
            existing = await tools.hub.answer(item.task_id)
        job = replace(
            self._plan.job,
            id=uuid.uuid4().hex,
            data={key: value for key, value in self._plan.job.data.items() if key != "apiKey"},
            data_url=item.url,
            asset_id=item.id,
        )
        async with tools.turns.enter(tools.turns.ticket(workflow=True)):
            prediction = await tools.runner.run(job, path, log=lambda *_: None)
        built = build_answer(prediction, job, AnswerFormat.CURRENT, existing)
        for note in built.notes:
            if len(self._notes) < TOLD_NOTES and note not in self._notes:
                self._notes[note] = item.name
                tools.say(Level.WARNING, f"{item.name}: {note}")
        return Done(item, built.answer, built.objects)

    async def _fetch(self, item: Item) -> Any:
        tools = self._tools
        try:
            if not item.url:
                raise AssetError("The hub gives no address for the asset", where=item.name)
            return await tools.assets.fetch(item.url, tools.profile)
        except AssetError:
            # Its address may have been signed long ago: a page may wait for hours while a person holds the run.
            asset = await tools.hub.asset(item.id)
            fresh = (asset or {}).get("data")
            if not isinstance(fresh, str) or fresh == item.url:
                raise
            return await tools.assets.fetch(fresh, tools.profile)

    # ---- chunks ----

    async def _settle(self, chunk: Chunk, tasks: Sequence[asyncio.Task[Done | None]]) -> None:
        results: list[Done | None] = list(await asyncio.gather(*tasks))
        results = await self._after_outage(results)
        done = [result for result in results if result is not None]
        if len(done) < len(results) and self._stays_at is None:
            self._stays_at = chunk.page
        page = chunk.next_page if self._stays_at is None else self._stays_at
        rows = [_row(result) for result in done if result.answer is not None]
        reasons = {result.item.id: result.reason for result in done if result.reason}
        if rows:
            await self._tools.store.sending(self._job.id, _noted(rows, page, done))
            reasons |= await self._tools.hub.send(rows)
        outcomes = [
            Outcome(
                result.item.id,
                result.item.external_id,
                reasons.get(result.item.id, ""),
                0 if result.item.id in reasons else result.objects,
            )
            for result in done
        ]
        await self._keep(outcomes, page)
        self._listing.let_go(chunk)

    async def _keep(self, outcomes: Sequence[Outcome], page: int) -> None:
        if not outcomes:
            return
        await self._tools.store.settle(self._job.id, outcomes, page=page, total=self._listing.total)
        for outcome in outcomes:
            self._objects += outcome.objects
            self._imported += not outcome.reason
            self._failed += bool(outcome.reason)
            self._listing.settled += 1
            if outcome.reason and len(self._failures) < TOLD_FAILURES:
                self._failures.append(f"{outcome.external_id or outcome.asset_id}: {outcome.reason}")
                self._tools.say(Level.WARNING, self._failures[-1])
        self._show(now=True)
        now = asyncio.get_running_loop().time()
        if not self._told_at or now - self._told_at >= TELL_S:
            self._told_at = now
            self._tools.say(Level.INFO, progress_line(self._progress(), self._imported))

    async def _after_outage(self, results: list[Done | None]) -> list[Done | None]:
        """The same, tried again for a while where not one asset of the chunk could be had."""
        for wait in OUTAGE_WAITS:
            lost = [result for result in results if result is not None and result.unfetched]
            if len(lost) < OUTAGE_FROM or len(lost) < len(results) or not self._trusts_network or self._leaving:
                break
            self.waits(lost[0].reason)
            self._tools.say(Level.WARNING, f"No asset can be fetched, trying again in {wait:.0f} s: {lost[0].reason}")
            await asyncio.sleep(wait)
            results = list(await asyncio.gather(*(self._again(result.item) for result in lost)))
            self.waits("")
        else:
            # They are gone indeed: the next ones shall not wait as long.
            self._trusts_network = False
        self._trusts_network = self._trusts_network or any(result is not None and result.answer for result in results)
        return results

    async def _again(self, item: Item) -> Done | None:
        async with self._slots:
            return await self._try(item)

    async def _settle_sent(self) -> None:
        """What was on its way when the app ended: the hub is asked what it has, and the rest is sent as it was."""
        sending = self._row.sending
        if sending is None:
            return
        rows, outcomes, page = await self._read_noted(sending)
        arrived = await self._tools.hub.arrived(rows)
        refused = await self._tools.hub.send([row for row in rows if row.asset_id not in arrived])
        counts = {row.asset_id: _objects(row.answer) for row in rows}
        self._done += len(outcomes)
        await self._keep(
            [
                replace(one, reason=reason, objects=0 if reason else counts.get(one.asset_id, 0))
                for one in outcomes
                for reason in (one.reason or refused.get(one.asset_id, ""),)
            ],
            page,
        )

    async def _read_noted(self, sending: dict[str, Any]) -> tuple[list[Row], list[Outcome], int]:
        rows, gone = [], []
        for asset_id, external_id, was, answer in sending.get("rows", ()):
            url = ""
            if not external_id or "://" in external_id or MASK in external_id:
                # No name, or one that was cut on its way to the disk: it would go to another asset, or to none.
                found = item_of(await self._tools.hub.asset(asset_id) or {})
                if found is None:
                    gone.append(Outcome(asset_id, external_id, "The project has the asset no longer"))
                    continue
                external_id, url = found.external_id, found.url
            rows.append(Row(asset_id, external_id, url, answer, was))
        outcomes = [Outcome(row.asset_id, row.external_id) for row in rows] + gone
        outcomes += [Outcome(*failed) for failed in sending.get("failed", ())]
        return rows, outcomes, int(sending.get("page", self._row.page))

    # ---- how far ----

    def _progress(self) -> BatchProgress:
        failed = self._failed
        rate = self._pace.per_second(self._done)
        return BatchProgress(self._done, max(self._listing.total, self._done), failed, rate, self.paused, self._waiting)

    def _show(self, *, now: bool = False) -> None:
        at = asyncio.get_running_loop().time()
        if now or at - self._shown_at >= SHOW_S:
            self._shown_at = at
            self._tools.show(self._progress())


def _row(done: Done) -> Row:
    item = done.item
    return Row(item.id, item.external_id, item.url, done.answer or {}, item.was_labeled)


def _noted(rows: Iterable[Row], page: int, done: Iterable[Done]) -> dict[str, Any]:
    return {
        "page": page,
        "rows": [[row.asset_id, row.external_id, row.was_labeled, row.answer] for row in rows],
        "failed": [[one.item.id, one.item.external_id, one.reason] for one in done if one.reason],
    }


def _objects(answer: dict[str, Any]) -> int:
    return sum(len(answer.get(part) or ()) for part in ("objects", "classifications"))
