"""Two answers as annotations to draw, each in the colour and line of what became of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from desktop_app.core.compare import Comparison
from desktop_app.core.job import JobDetail
from desktop_app.ui.asset.items import Annotations, Item, Layer, annotations_of
from desktop_app.ui.formats import tr

FATE_COLOURS = {
    "lost": "#e5484d",
    "gained": "#2fbf71",
    "moved": "#f0883e",
    "renamed": "#a66bf2",
    "same": "#8b95a5",
}


class Fate(StrEnum):
    """What became of an object, in the order in which people want to see it."""

    LOST = "lost"
    GAINED = "gained"
    MOVED = "moved"
    RENAMED = "renamed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list.

    Attributes:
        before, after: places among the drawn items of each side, -1 where it is not there.
        overlap: of a pair, else None.
    """

    fate: Fate
    name: str
    before: int = -1
    after: int = -1
    overlap: float | None = None


@dataclass(frozen=True, slots=True)
class Marked:
    """What is drawn.

    Attributes:
        before, after: each answer alone.
        both: one on the other: `before` dotted, `after` solid; the items of `after` follow those of `before`.
        entries: the list, by fate.
    """

    before: Annotations
    after: Annotations
    both: Annotations
    entries: tuple[Entry, ...]


def fate_words(fate: Fate) -> str:
    """A fate as people read it."""
    return {
        Fate.LOST: tr("Lost"),
        Fate.GAINED: tr("Gained"),
        Fate.MOVED: tr("Moved"),
        Fate.RENAMED: tr("Another class"),
        Fate.SAME: tr("The same"),
    }[fate]


def mark(first: JobDetail, second: JobDetail, found: Comparison) -> Marked:
    """Colours both answers; thousands of objects take a while, so leave it to a thread."""
    before, after = _sent(first), _sent(second)
    names = [item.label for item in before], [item.label for item in after]
    entries = [Entry(Fate.LOST, names[0][place], before=place) for place in found.lost]
    entries += [Entry(Fate.GAINED, names[1][place], after=place) for place in found.gained]
    for fate, pairs in ((Fate.MOVED, found.moved), (Fate.RENAMED, found.renamed), (Fate.SAME, found.same)):
        for pair in sorted(pairs, key=lambda pair: pair.overlap):
            name = names[1][pair.after]
            if fate is Fate.RENAMED:
                name = f"{before[pair.before].name} → {after[pair.after].name}"
            entries.append(Entry(fate, name, pair.before, pair.after, pair.overlap))
    fates: tuple[dict[int, Fate], dict[int, Fate]] = ({}, {})
    for entry in entries:
        fates[0][entry.before] = fates[1][entry.after] = entry.fate
    left = [_coloured(item, fates[0].get(item.index, Fate.SAME)) for item in before]
    right = [_coloured(item, fates[1].get(item.index, Fate.SAME)) for item in after]
    # What stayed the same would be drawn and labelled twice on one place: once is enough.
    stayed = {entry.before for entry in entries if entry.fate is Fate.SAME}
    under = [_bare(item) if item.index in stayed else replace(item, layer=Layer.EXISTING) for item in left]
    over = [replace(item, index=item.index + len(left)) for item in right]
    return Marked(
        Annotations(tuple(left), layers=frozenset({Layer.SENT})),
        Annotations(tuple(right), layers=frozenset({Layer.SENT})),
        Annotations((*under, *over), layers=frozenset({Layer.SENT, Layer.EXISTING})),
        tuple(entries),
    )


def _sent(detail: JobDetail) -> list[Item]:
    return [item for item in annotations_of(replace(detail, predictions=None)).items if item.layer is Layer.SENT]


def _coloured(item: Item, fate: Fate) -> Item:
    # The word is in the name, so that colour never tells it alone; classes of the pane's filter are then the fates.
    words = "" if fate is Fate.SAME else f"{fate_words(fate).casefold()}: "
    return replace(item, colour=FATE_COLOURS[fate], name=f"{words}{item.name}")


def _bare(item: Item) -> Item:
    """An item that keeps its place in the list and has none on the picture."""
    return replace(item, layer=Layer.EXISTING, zones=(), bounds=None, span=None)


def shown(
    annotations: Annotations, hidden: frozenset[Fate], entries: tuple[Entry, ...], after_from: int
) -> frozenset[int]:
    """Indexes of items that hidden fates leave in sight.

    Args:
        after_from: where the items of the second answer begin.
    """
    out = {entry.before for entry in entries if entry.fate in hidden}
    out |= {entry.after + after_from for entry in entries if entry.fate in hidden and entry.after >= 0}
    return frozenset(item.index for item in annotations.items if item.index not in out)
