"""A chaos run as a table."""

from __future__ import annotations

from collections import Counter

from tests.chaos.harness import Outcome, Sample

LEAST_JOBS = 1000
"""Of fewer jobs no slope is told."""


def slope(samples: list[Sample]) -> tuple[float, int] | None:
    """Megabytes of the app per 1,000 jobs over the second half of the longest life, and over how many jobs; None where
    no life was long enough.

    The first half fills what has a fixed size: SQLite's page caches (16 MB for the writer and 8 MB for each reader, as
    the database grows to that) and the answers that are kept. Whatever leaks goes on leaking in the second half.
    """
    lives: dict[int, list[Sample]] = {}
    for sample in samples:
        lives.setdefault(sample.life, []).append(sample)
    longest = max(lives.values(), key=lambda life: life[-1].answered - life[0].answered, default=[])
    middle = (longest[0].answered + longest[-1].answered) / 2 if longest else 0.0
    warm = [sample for sample in longest if sample.answered >= middle]
    span = warm[-1].answered - warm[0].answered if warm else 0
    if span < LEAST_JOBS:
        return None
    mean_x = sum(sample.answered for sample in warm) / len(warm)
    mean_y = sum(sample.app_mb for sample in warm) / len(warm)
    over = sum((sample.answered - mean_x) * (sample.app_mb - mean_y) for sample in warm)
    return over / sum((sample.answered - mean_x) ** 2 for sample in warm) * 1000, span


def table(outcome: Outcome) -> str:
    """The run in Markdown."""
    played = Counter(fault.name for fault in outcome.faults)
    last = max((sample.life for sample in outcome.samples), default=0)
    memory = [sample.app_mb for sample in outcome.samples if sample.life == last] or [0.0]
    rows = [
        ("seed", outcome.seed),
        ("sessions answered", f"{outcome.jobs:,}"),
        ("… with an error", f"{outcome.failed:,}"),
        ("jobs lost on the way and sent again", f"{outcome.lost:,}"),
        ("answers that came more than once, the same", f"{outcome.repeated:,}"),
        ("faults", f"{len(outcome.faults):,}"),
        ("lives of the app", outcome.app_lives),
        ("lives of the hub", outcome.hub_lives),
        ("duration", f"{outcome.seconds:.0f} s"),
        ("all answered after the last fault", f"{outcome.settled_in:.1f} s"),
        (
            "the app's memory in its last life, first / last / most",
            f"{memory[0]:.0f} / {memory[-1]:.0f} / {max(memory):.0f} MB",
        ),
    ]
    found = slope(outcome.samples)
    if found is not None:
        rows.append(
            (
                f"slope of memory over {found[1]:,} jobs, the second half of the longest life",
                f"{found[0]:+.2f} MB per 1,000 jobs",
            )
        )
    rows.append(("broken promises", len(outcome.wrong)))
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""]
    lines += ["| fault | times |", "|---|---|", *(f"| {name} | {count} |" for name, count in played.most_common()), ""]
    if outcome.errors:
        lines += ["| error that a session ended with | times |", "|---|---|"]
        lines += [f"| {words} | {count} |" for words, count in sorted(outcome.errors.items(), key=lambda e: -e[1])[:15]]
        lines.append("")
    return "\n".join([*lines, *(f"- {sentence}" for sentence in outcome.wrong[:50])])
