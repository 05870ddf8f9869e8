import pytest

from desktop_app.core.job import JobState
from desktop_app.store.search import JobFilter, job_query, match, unfinished_text


@pytest.mark.parametrize(
    ("typed", "expression"),
    [
        ("", ""),
        ("  ?? -- ", ""),
        ("tray_00", '"tray_00"*'),
        ("two  words", '"two"* AND "words"*'),
        ('NOT "x OR (', '"NOT"* AND """x"* AND "OR"*'),
        ("a\x00b", '"a"* AND "b"*'),
    ],
)
def test_what_is_typed_is_never_an_operator(typed: str, expression: str) -> None:
    assert match(typed) == expression


def test_a_class_is_looked_for_in_its_column() -> None:
    assert match("x", "traffic light") == '"x"* AND classes : "traffic light"'


def test_signs_of_like_are_taken_literally() -> None:
    assert unfinished_text(r"50%_\x").values == (r"%50\%\_\\x%",)


def test_states_that_are_no_end_are_looked_for_among_the_unfinished() -> None:
    assert "ended IS NULL" in job_query(JobFilter(state=JobState.RUNNING)).where
    assert "ended = ?" in job_query(JobFilter(state=JobState.FAILED)).where
