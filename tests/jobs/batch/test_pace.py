from __future__ import annotations

from desktop_app.core.job import BatchProgress
from desktop_app.jobs.batch.pace import Pace, closing_words, progress_line, span


def test_the_rate_is_that_of_the_last_minute() -> None:
    now = 100.0
    pace = Pace(lambda: now)
    assert pace.per_second(0) is None
    done = 0
    for _ in range(120):
        pace.note(done)
        now, done = now + 1, done + 10
    assert pace.per_second(done) == 10.0
    for _ in range(60):
        pace.note(done)
        now, done = now + 1, done + 2
    rate = pace.per_second(done)
    assert rate is not None
    assert 2.0 <= rate < 2.3
    pace.forget()
    assert pace.per_second(done) is None


def test_the_words_say_how_far_it_is_and_how_it_ended() -> None:
    told = BatchProgress(done=150, total=2000, failed=2, per_second=34.2)
    assert progress_line(told, 148) == "[150/2000] 148 imported, 2 failed; 34 a second, about 54 s left"
    assert progress_line(BatchProgress(1, 9), 1) == "[1/9] 1 imported"
    assert BatchProgress(1, 9, per_second=2.0, paused=True).seconds_left is None
    assert [span(seconds) for seconds in (0.2, 89, 150, 7200)] == ["1 s", "89 s", "2 min", "2.0 h"]
    assert closing_words(1, 1, 0, 1) == "1 of 1 asset imported, with 1 annotation."
    assert closing_words(2000, 1990, 10, 4100) == (
        "1,990 of 2,000 assets imported, with 4,100 annotations. 10 failed; to try these alone, run the plugin again "
        'with the config {"retry_failed": true}.'
    )
    assert closing_words(12, 10, 0, 0).endswith("2 came or moved while it ran; run the plugin again for these.")
