"""A project of any size that costs nothing until it is looked at: its assets are made when they are asked for.

Of what is imported it keeps, for each asset, how often and a digest of what: whether all have the right labels can be
told of 100,000 of them in a few megabytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

from desktop_app.hub.demo.sample import SampleProject, make_id
from desktop_app.hub.demo.state import Asset, JsonObject, Task

_NAME = "generated-{:07d}"


@dataclass(slots=True)
class Imported:
    """What was imported for one asset.

    Attributes:
        times: how often labels came.
        digest: of the first ones.
        same: whether all later ones were the same.
        objects: how many the last ones were.
    """

    times: int
    digest: bytes
    same: bool = True
    objects: int = 0


class GeneratedAssets(Sequence[Asset]):
    """The assets, made one by one; their bytes are those of a few files in turn.

    Args:
        every, first: only each `every`-th one, from `first` on.
    """

    def __init__(self, project: GeneratedProject, count: int, every: int = 1, first: int = 0) -> None:
        self._project = project
        self._count = count
        self._every = every
        self._first = first

    def __len__(self) -> int:
        return max(0, -(-(self._count - self._first) // self._every))

    @overload
    def __getitem__(self, place: int) -> Asset: ...

    @overload
    def __getitem__(self, place: slice) -> list[Asset]: ...

    def __getitem__(self, place: int | slice) -> Asset | list[Asset]:
        if isinstance(place, slice):
            return [self._made(number) for number in range(*place.indices(len(self)))]
        number = place if place >= 0 else place + len(self)
        if not 0 <= number < len(self):
            raise IndexError(place)
        return self._made(number)

    def __iter__(self) -> Iterator[Asset]:
        return (self._made(number) for number in range(len(self)))

    def _made(self, number: int) -> Asset:
        return self._project.made(self._first + number * self._every)


class GeneratedProject(SampleProject):
    """A sample project with `count` assets beside its files; they alone are listed.

    Attributes:
        imported: by the number of the asset.
    """

    def __init__(self, count: int) -> None:
        super().__init__(name=f"{count:,} generated assets")
        self.count = count
        self.imported: dict[int, Imported] = {}
        self._files: list[Path] = []

    def use(self, files: Sequence[Path]) -> None:
        """Whose bytes the assets have, in turn."""
        self._files = list(files)

    def made(self, number: int) -> Asset:
        """The asset of that number."""
        name = _NAME.format(number)
        path = self._files[number % len(self._files)]
        batch = self.batches[number % len(self.batches)]["_id"]
        return Asset(f"a{number:023x}", name + path.suffix, path, f"image/{path.suffix.lstrip('.')}", (batch,))

    @property
    def listed(self) -> Sequence[Asset]:
        return GeneratedAssets(self, self.count)

    def in_batches(self, batches: Sequence[str]) -> Sequence[Asset]:
        ids = [batch["_id"] for batch in self.batches]
        if not batches:
            return self.listed
        if len(set(batches)) > 1 or batches[0] not in ids:
            return []
        return GeneratedAssets(self, self.count, len(ids), ids.index(batches[0]))

    def asset(self, asset_id: str) -> Asset | None:
        number = _number(asset_id[1:], 16) if asset_id.startswith("a") and len(asset_id) == 24 else None
        return super().asset(asset_id) if number is None or number >= self.count else self.made(number)

    def named(self, external_id: str) -> Asset | None:
        number = self._number_of(external_id)
        return super().named(external_id) if number is None else self.made(number)

    def task_of(self, asset: Asset) -> Task:
        number = self._number_of(asset.external_id)
        if number is None:
            return super().task_of(asset)
        task = Task(id=make_id("task", asset.external_id), asset_id=asset.id)
        task.pre_labeled = number in self.imported
        return task

    def pre_label(self, asset: Asset, answer: JsonObject) -> None:
        number = self._number_of(asset.external_id)
        if number is None:
            super().pre_label(asset, answer)
            return
        digest = hashlib.sha256(json.dumps(answer, sort_keys=True).encode()).digest()[:16]
        known = self.imported.setdefault(number, Imported(0, digest))
        known.times += 1
        known.same = known.same and known.digest == digest
        known.objects = len(answer["tools"]) + len(answer["classifications"])

    def _number_of(self, external_id: str) -> int | None:
        stem = external_id.partition(".")[0]
        number = _number(stem.removeprefix("generated-"), 10) if stem.startswith("generated-") else None
        known = number is not None and number < self.count and self.made(number).external_id == external_id
        return number if known else None


def _number(text: str, base: int) -> int | None:
    try:
        return int(text, base)
    except ValueError:
        return None
