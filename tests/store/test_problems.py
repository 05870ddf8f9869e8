import sqlite3

import pytest

from desktop_app.core.errors import StoreError
from desktop_app.store.problems import is_busy, is_damage, primary_code, translated


def raised(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("raw words of SQLite")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (sqlite3.SQLITE_FULL, "disk is full"),
        (sqlite3.SQLITE_BUSY, "locked"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "locked"),
        (sqlite3.SQLITE_IOERR_WRITE, "disk failed"),
        (sqlite3.SQLITE_READONLY, "read-only"),
        (sqlite3.SQLITE_CORRUPT, "damaged"),
        (sqlite3.SQLITE_NOTADB, "damaged"),
    ],
)
def test_what_a_person_can_act_on_becomes_a_store_error(code: int, words: str) -> None:
    known = translated(raised(code), "plugdeck.db")
    assert isinstance(known, StoreError)
    assert words in known.what
    assert known.where == "plugdeck.db"
    assert known.remedy
    assert "raw words" not in str(known)


def test_a_mistake_in_our_sql_stays_a_bug() -> None:
    with sqlite3.connect(":memory:") as connection, pytest.raises(sqlite3.OperationalError) as caught:
        connection.execute("SELECT nothing FROM nowhere")
    connection.close()
    assert translated(caught.value, "") is caught.value
    other = ValueError("x")
    assert translated(other, "") is other


def test_kinds_are_told_by_the_primary_code() -> None:
    assert is_busy(raised(sqlite3.SQLITE_BUSY_RECOVERY))
    assert is_damage(raised(sqlite3.SQLITE_CORRUPT_INDEX))
    assert not is_damage(ValueError())
    assert primary_code(ValueError()) is None
