"""Which assets a run is to do: page by page, or those that failed before; never more than a page in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from desktop_app.jobs.batch.patience import PatientHub
from desktop_app.jobs.batch.plan import Plan
from desktop_app.store.batches import Batches, BatchRow

CHUNK = 50
"""Assets that are read and imported at once: what a crash may cost."""
MOST_SWEEPS = 3
"""So often are the pages read at most, where assets moved between them while the run went on."""


@dataclass(frozen=True, slots=True)
class Item:
    """One asset that is to be done.

    Attributes:
        task_id: its labeling task, or None where the hub named none.
        was_labeled: whether it has pre-labels already, or None where the hub did not say.
    """

    id: str
    external_id: str
    url: str
    task_id: str | None
    was_labeled: bool | None

    @property
    def name(self) -> str:
        """What people know it by."""
        return self.external_id or self.id


@dataclass(frozen=True, slots=True)
class Chunk:
    """Assets that are imported together, and the page where the run goes on once they are done."""

    items: Sequence[Item]
    page: int
    next_page: int


class Listing:
    """The assets of one run.

    Attributes:
        total: how many there are, as far as is known.
        settled: how many the run is done with; kept by the run.
        ending: set where no more shall be listed.
    """

    def __init__(self, plan: Plan, row: BatchRow, hub: PatientHub, store: Batches) -> None:
        self._plan = plan
        self._row = row
        self._hub = hub
        self._store = store
        self._in_hand: set[str] = set()
        self.total = row.total
        self.settled = row.imported + row.failed
        self.ending = False

    async def chunks(self) -> AsyncIterator[Chunk]:
        """What is left to do."""
        chunks = self._listed() if self._plan.retry_failed else self._pages()
        async for chunk in chunks:
            self._in_hand.update(item.id for item in chunk.items)
            yield chunk

    def let_go(self, chunk: Chunk) -> None:
        """The assets of a chunk are on disk as done, or are not done after all."""
        self._in_hand.difference_update(item.id for item in chunk.items)

    async def _pages(self) -> AsyncIterator[Chunk]:
        page, most = self._row.page, self.total
        for _ in range(MOST_SWEEPS):
            fresh, read = 0, (page - 1) * CHUNK
            while not self.ending:
                rows, total = await self._hub.page(page, CHUNK, self._plan.batches)
                most = max(most, total)
                self.total = total or max(self.total, read + len(rows))
                read += len(rows)
                items = await self._new(rows)
                fresh += len(items)
                if items:
                    yield Chunk(items, page, page + 1)
                page += 1
                # Where assets were deleted meanwhile, the rest moved up: the count alone says the end too early.
                if not rows or (total and read >= most):
                    break
            if self.ending or not fresh or self.settled + len(self._in_hand) >= max(most, self.total):
                break
            page = 1

    async def _new(self, rows: Sequence[dict[str, Any]]) -> list[Item]:
        items = {item.id: item for item in map(item_of, rows) if item is not None and item.id not in self._in_hand}
        if not items:
            return []
        settled = await self._store.settled(self._row.job_id, list(items))
        return [item for item in items.values() if item.id not in settled]

    async def _listed(self) -> AsyncIterator[Chunk]:
        after = ""
        while not self.ending and (names := await self._store.todo(self._row.job_id, CHUNK, after)):
            after = names[-1][0]
            items = []
            for asset_id, external_id in names:
                found = item_of(await self._hub.asset(asset_id) or {})
                items.append(found or Item(asset_id, external_id, "", None, None))
            yield Chunk(items, 1, 1)


def item_of(row: dict[str, Any]) -> Item | None:
    """An asset as the API's pages show it; None for what has no id (facts: hub-protocol, HTTP API)."""
    asset_id = _text(row.get("_id"))
    if not asset_id:
        return None
    tasks, labeled = row.get("labelTasks"), row.get("isPreLabeled")
    task = tasks[0] if isinstance(tasks, list) and tasks else None
    task_id = task.get("_id") if isinstance(task, dict) else task
    return Item(
        id=asset_id,
        external_id=_text(row.get("externalId")),
        url=_text(row.get("data")),
        task_id=_text(task_id) or None,
        was_labeled=labeled if isinstance(labeled, bool) else None,
    )


def _text(value: Any) -> str:
    """A text that can be written down; "" for what is none, lone surrogates included, which no request can carry."""
    if not isinstance(value, str):
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:
        return ""
    return value
