import contextlib
import sqlite3
from pathlib import Path

from desktop_app.store.migrations import migrate
from desktop_app.store.salvage import salvage


def database(path: Path | str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection)
    return connection


def test_rows_on_both_sides_of_the_damage_are_saved(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with contextlib.closing(database(path)) as old:
        old.execute("BEGIN")
        for n in range(400):
            old.execute("INSERT INTO profile VALUES (?, ?, ?, ?, ?)", (f"{n:04}", f"P{n}", f"p{n}", n, "x" * 300))
        old.execute("COMMIT")
        # A leaf in the middle of the table: its page number is in the root's middle cell.
        root = old.execute("SELECT rootpage FROM sqlite_master WHERE name = 'profile'").fetchone()[0]
        size = old.execute("PRAGMA page_size").fetchone()[0]
    data = bytearray(path.read_bytes())
    start = (root - 1) * size
    cells = int.from_bytes(data[start + 3 : start + 5], "big")
    pointer = start + 12 + 2 * (cells // 2)
    cell = start + int.from_bytes(data[pointer : pointer + 2], "big")
    leaf = int.from_bytes(data[cell : cell + 4], "big")
    data[(leaf - 1) * size : leaf * size] = b"\xff" * size
    path.write_bytes(data)
    with contextlib.closing(database(":memory:")) as fresh:
        said = salvage(path, fresh)
        ids = [row[0] for row in fresh.execute("SELECT id FROM profile ORDER BY id")]
    assert 350 < len(ids) < 400
    assert ids[0] == "0000"
    assert ids[-1] == "0399"
    assert said == f"{len(ids)} plugins"


def test_an_older_schema_gives_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.execute("CREATE TABLE setting (key TEXT, value TEXT, gone TEXT)")
        old.execute("INSERT INTO setting VALUES ('theme', '\"dark\"', 'x'), (NULL, NULL, NULL)")
    with contextlib.closing(database(":memory:")) as fresh:
        assert salvage(path, fresh) == "1 setting"
        assert fresh.execute("SELECT * FROM setting").fetchall() == [("theme", '"dark"')]


def test_from_rubbish_nothing_comes(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    path.write_bytes(b"rubbish" * 1000)
    with contextlib.closing(database(":memory:")) as fresh:
        assert salvage(path, fresh) == ""
