from __future__ import annotations

import time

import pytest

from desktop_app.ui import formats


@pytest.mark.parametrize(
    ("ms", "text"),
    [(None, "–"), (0.42, "0.4 ms"), (184.2, "184 ms"), (2345, "2.3 s"), (64_000, "1 min 4 s"), (59_999, "60.0 s")],
)
def test_durations(ms: float | None, text: str) -> None:
    assert formats.duration(ms) == text


def test_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    now = 1_770_000_000.0
    assert formats.day_clock(now - 60, now) == formats.clock(now - 60)
    assert formats.day_clock(now - 86_400, now).startswith("yesterday ")
    assert len(formats.day_clock(now - 10 * 86_400, now)) > 10
    assert formats.exact(now).startswith("2026-02-02 02:40:00.000")
    assert formats.clock_ms(now + 0.4824).endswith(".482")


def test_text_from_outside_is_one_bounded_line() -> None:
    assert formats.plain("a\n b\t<b>c</b>") == "a b <b>c</b>"
    assert "\x1b" not in formats.plain("\x1b[31mred")
    assert len(formats.plain("x" * 10_000, 100)) == 100


def test_counts() -> None:
    assert formats.count(1, "job", "jobs") == "1 job"
    assert formats.count(0, "job", "jobs") == "0 jobs"
