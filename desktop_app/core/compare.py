"""Two answers on one asset: what the second one gained, lost, moved and kept.

Objects are paired greedily: of all pairs of the same class that lie in the same place by at least `match` (see
:mod:`desktop_app.core.overlap`), the closest is taken first, then the closest of what is left; of equally close
pairs the one that comes first in the answers. What is left on both sides is paired the same way regardless of class:
those changed their class. A pair that lies in the same place by at least `same` is the same, else it moved. What has
no partner was lost (only in the first answer) or gained (only in the second). Relations are not compared.

Candidates come from a grid per size of object, so that answers of 10,000 objects take seconds, not hours. Where more
than `CROWD` objects of a class and size lie in one cell, only those nearest to the middle are looked at.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from desktop_app.core.annotation import AnnotationObject, Answer, Classification
from desktop_app.core.overlap import SLACK, Form, Group, may_reach, similarity

MATCH = 0.5
SAME = 0.9
REACH_PX = 10.0
CROWD = 64


@dataclass(frozen=True, slots=True)
class Pair:
    """An object of the first answer and its partner in the second.

    Attributes:
        before, after: places in the answers' objects.
        overlap: how much they lie in the same place, `match` to 1.
        changed_class: whether their classes differ.
        same: neither moved nor of another class.
    """

    before: int
    after: int
    overlap: float
    changed_class: bool = False
    same: bool = True


@dataclass(frozen=True, slots=True)
class Question:
    """A classification in which the answers differ; None on the side that does not answer it."""

    title: str
    before: str | None
    after: str | None


@dataclass(slots=True)
class ClassCount:
    """How objects of one class fared. A changed class counts as lost for the old one and gained for the new one."""

    before: int = 0
    after: int = 0
    same: int = 0
    moved: int = 0
    gained: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of the objects; places are those in the two answers.

    Attributes:
        questions: classifications that differ; `agreed` counts those that do not.
        classes: by class name, the most frequent first.
    """

    pairs: tuple[Pair, ...] = ()
    gained: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()
    questions: tuple[Question, ...] = ()
    agreed: int = 0
    classes: dict[str, ClassCount] = field(default_factory=dict)

    @property
    def same(self) -> tuple[Pair, ...]:
        """Pairs that neither moved nor changed their class."""
        return tuple(pair for pair in self.pairs if pair.same)

    @property
    def moved(self) -> tuple[Pair, ...]:
        """Pairs of one class that lie apart."""
        return tuple(pair for pair in self.pairs if not pair.same and not pair.changed_class)

    @property
    def renamed(self) -> tuple[Pair, ...]:
        """Pairs of different classes."""
        return tuple(pair for pair in self.pairs if pair.changed_class)

    @property
    def agreement(self) -> float:
        """0 to 1: twice the pairs of one class over all objects of both answers, classifications counted alike."""
        apart = len(self.gained) + len(self.lost) + 2 * len(self.renamed)
        apart += sum((item.before is not None) + (item.after is not None) for item in self.questions)
        alike = 2 * (len(self.pairs) - len(self.renamed) + self.agreed)
        return alike / (alike + apart) if alike + apart else 1.0

    def as_json(self) -> dict[str, Any]:
        """The object that `plugdeck jobs replay --json` prints as `comparison`."""

        def pairs(values: Iterable[Pair]) -> list[dict[str, Any]]:
            return [{"before": p.before, "after": p.after, "iou": round(p.overlap, 4)} for p in values]

        return {
            "agreement": round(self.agreement, 4),
            "same": pairs(self.same),
            "moved": pairs(self.moved),
            "class_changed": pairs(self.renamed),
            "gained": list(self.gained),
            "lost": list(self.lost),
            "classifications": [
                {"title": item.title, "before": item.before, "after": item.after} for item in self.questions
            ],
            "classes": {
                name: {part: getattr(count, part) for part in ClassCount.__slots__}
                for name, count in self.classes.items()
            },
        }


def compare(
    before: Answer, after: Answer, *, match: float = MATCH, same: float = SAME, reach: float = REACH_PX
) -> Comparison:
    """Compares two answers.

    Args:
        match: how much two objects must lie in the same place to be partners, more than 0 and at most 1.
        same: from where on they count as the same.
        reach: pixels at which two points or lines are half the same.
    """
    first, second = [Form(item) for item in before.objects], [Form(item) for item in after.objects]
    names, others = [class_of(item) for item in before.objects], [class_of(item) for item in after.objects]
    pairs: list[Pair] = []
    left, right = set(range(len(first))), set(range(len(second)))
    for keyed in (True, False):
        found = _pair_up(
            first, second, sorted(left), sorted(right), match, reach,
            (names.__getitem__, others.__getitem__) if keyed else (_any, _any),
        )  # fmt: skip
        pairs += [Pair(a, b, overlap, not keyed, keyed and overlap >= same) for a, b, overlap in found]
        left.difference_update(a for a, _, _ in found)
        right.difference_update(b for _, b, _ in found)
    pairs.sort(key=lambda pair: (pair.before, pair.after))
    questions, agreed = _questions(before.classifications, after.classifications)
    return Comparison(
        tuple(pairs),
        tuple(sorted(right)),
        tuple(sorted(left)),
        questions,
        agreed,
        _counts(names, others, pairs, left, right),
    )


def class_of(item: AnnotationObject) -> str:
    """The class of an object: what the model called it, else its title or schemaId."""
    metadata = item.extra.get("metadata")
    named = metadata.get("class") if isinstance(metadata, dict) else None
    return str(named or item.title or item.schema_id or "unnamed")


def _any(_: int) -> str:
    return ""


_Found = list[tuple[int, int, float]]


def _pair_up(
    first: Sequence[Form],
    second: Sequence[Form],
    left: Sequence[int],
    right: Sequence[int],
    match: float,
    reach: float,
    name: tuple[Callable[[int], str], Callable[[int], str]],
) -> _Found:
    result: _Found = []
    # Those that are exactly the same are the closest there are: taken first, without looking at any other.
    twins: dict[Any, list[int]] = defaultdict(list)
    for b in reversed(right):
        twins[name[1](b), second[b].key].append(b)
    rest, taken = [], set()
    for a in left:
        waiting = twins.get((name[0](a), first[a].key))
        if waiting:
            b = waiting.pop()
            taken.add(b)
            result.append((a, b, 1.0))
        else:
            rest.append(a)
    grids: dict[Any, _Grid] = {}
    for b in right:
        form = second[b]
        if b not in taken and form.box is not None:
            key = (name[1](b), form.group, form.page)
            grids.setdefault(key, _Grid()).add(b, form)
    candidates: list[tuple[float, int, int]] = []
    for a in rest:
        form = first[a]
        grid = grids.get((name[0](a), form.group, form.page))
        if grid is None:
            continue
        for b in grid.near(form, match, reach):
            if may_reach(form, second[b], match):
                overlap = similarity(form, second[b], reach)
                if overlap >= match:
                    candidates.append((-overlap, a, b))
    candidates.sort()
    used: set[int] = set()
    for negative, a, b in candidates:
        if a not in used and b not in taken:
            used.add(a)
            taken.add(b)
            result.append((a, b, -negative))
    return result


class _Grid:
    """Objects of one class by where they are, in one layer for each size."""

    def __init__(self) -> None:
        self._layers: dict[int, dict[tuple[int, int], list[tuple[float, int]]]] = {}
        self._sorted = False

    def add(self, number: int, form: Form) -> None:
        left, top, right, bottom = form.box or (0.0, 0.0, 0.0, 0.0)
        level = math.ceil(math.log2(max(right - left, bottom - top, 1.0)))
        side = math.ldexp(1.0, level)
        x, y = (left + right) / 2, (top + bottom) / 2
        layer = self._layers.setdefault(level, {})
        layer.setdefault((math.floor(x / side), math.floor(y / side)), []).append((x, number))

    def near(self, form: Form, match: float, reach: float) -> Iterator[int]:
        """Those that may overlap with a form, or lie within reach of a point or a line."""
        if not self._sorted:
            self._sorted = True
            for layer in self._layers.values():
                for cell in layer.values():
                    cell.sort()
        left, top, right, bottom = form.box or (0.0, 0.0, 0.0, 0.0)
        middle = (left + right) / 2
        for level, layer in self._layers.items():
            side = math.ldexp(1.0, level)
            if form.group is Group.AREA and side * side * SLACK < match * form.measured:
                continue  # too small for that much of an overlap
            # An object reaches half its layer's side beyond its own middle.
            margin = side / 2 + (0.0 if form.group is Group.AREA else reach * (1 / match - 1))
            x0, x1 = math.floor((left - margin) / side), math.floor((right + margin) / side)
            y0, y1 = math.floor((top - margin) / side), math.floor((bottom + margin) / side)
            if (x1 - x0 + 1) * (y1 - y0 + 1) > len(layer):
                cells = [cell for (x, y), cell in layer.items() if x0 <= x <= x1 and y0 <= y <= y1]
            else:
                found = (layer.get((x, y)) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1))
                cells = [cell for cell in found if cell]
            for cell in cells:
                if len(cell) > CROWD:
                    start = min(max(bisect_left(cell, (middle, -1)) - CROWD // 2, 0), len(cell) - CROWD)
                    cell = cell[start : start + CROWD]
                for _, number in cell:
                    yield number


def _counts(
    names: Sequence[str], others: Sequence[str], pairs: Iterable[Pair], left: Iterable[int], right: Iterable[int]
) -> dict[str, ClassCount]:
    counts: dict[str, ClassCount] = defaultdict(ClassCount)
    for name in names:
        counts[name].before += 1
    for name in others:
        counts[name].after += 1
    for pair in pairs:
        if pair.changed_class:
            counts[names[pair.before]].lost += 1
            counts[others[pair.after]].gained += 1
        elif pair.same:
            counts[names[pair.before]].same += 1
        else:
            counts[names[pair.before]].moved += 1
    for place in left:
        counts[names[place]].lost += 1
    for place in right:
        counts[others[place]].gained += 1
    return dict(sorted(counts.items(), key=lambda item: (-max(item[1].before, item[1].after), item[0])))


def _questions(before: Sequence[Classification], after: Sequence[Classification]) -> tuple[tuple[Question, ...], int]:
    """Asked by schemaId or title; of several answers to one question, the n-th belongs to the n-th."""
    first, second = _asked(before), _asked(after)
    found, agreed = [], 0
    for key in dict.fromkeys([*first, *second]):
        one, two = first.get(key), second.get(key)
        if one is not None and two is not None and one[1] == two[1]:
            agreed += 1
            continue
        title = (one or two or ("", ""))[0]
        found.append(Question(title, one and one[1], two and two[1]))
    return tuple(found), agreed


def _asked(classifications: Sequence[Classification]) -> dict[tuple[str, int], tuple[str, str]]:
    seen: dict[str, int] = defaultdict(int)
    asked = {}
    for item in classifications:
        name = item.schema_id or item.title or "classification"
        answer = item.answer if item.answer is not None else item.extra.get("answer")
        words = ", ".join(sorted(answer)) if isinstance(answer, tuple) else str("" if answer is None else answer)
        asked[name, seen[name]] = (item.title or name, words)
        seen[name] += 1
    return asked
