"""Exported profiles that were not exported by us."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from desktop_app.core.errors import KnownError, ProfileError
from desktop_app.core.profile import CallbackSource, OnnxSource, Profile
from desktop_app.store.database import Database
from desktop_app.store.profiles import ProfileStore
from tests.fuzz.inputs import AWKWARD, SCALARS, Loop, bent, changed, fuzz

HOSTS = [
    "http://[::1",
    "http://a:99999",
    "https://a b",
    "ftp://x",
    "//x",
    "https://u:p@x",
    "https://é.example",
    "https://x/?q",
]
SOURCES = (
    OnnxSource(path=Path("/models/a.onnx"), overrides={"family": "yolo", "input": {"scale": 1}}),
    CallbackSource(script=Path("s.py"), arguments=("a",), environment={"A": "1"}),
)


def test_any_text_is_a_profile_or_a_sentence(loop: Loop, tmp_path: Path) -> None:
    database = Database(tmp_path / "plugdeck.db")
    loop.run(database.open())
    store = ProfileStore(database)
    loop.run(store.load())
    texts = [
        store.export_text(Profile(name="Vehicles", host="https://a.example", plugin_id="1", source=source))
        for source in SOURCES
    ]

    def check(text: str) -> None:
        try:
            profile = store.import_text(text)
        except ProfileError:
            return
        assert profile.secret_variable.isascii()
        assert profile.is_loopback in (True, False)
        try:
            loop.run(store.save(profile))
        except KnownError:
            return
        again = store.import_text(store.export_text(profile))
        assert again.changed(id=profile.id).model_dump(mode="json", exclude={"source"}) == profile.model_dump(
            mode="json", exclude={"source"}
        )
        fresh = ProfileStore(database)
        loop.run(fresh.load())
        assert fresh.get(profile.id).model_dump(mode="json") == profile.model_dump(mode="json")
        loop.run(store.remove(profile.id))

    anything = st.one_of(SCALARS, st.sampled_from([*HOSTS, *AWKWARD]), st.lists(SCALARS, max_size=2))
    try:
        values = changed([json.loads(text) for text in texts], anything)
        as_text = st.builds(json.dumps, values)
        broken = st.builds(lambda data: data.decode("utf-8", "replace"), bent([text.encode() for text in texts]))
        fuzz("imported profiles", 0.13, as_text | as_text | broken, check)
    finally:
        loop.run(database.close())


def test_any_row_in_the_database_leaves_the_others(loop: Loop, tmp_path: Path) -> None:
    """A profile's body is JSON that a newer or older Plugdeck, or anybody, may have written."""
    database = Database(tmp_path / "plugdeck.db")
    loop.run(database.open())
    good = Profile(name="Good", host="https://a.example", plugin_id="1", source=SOURCES[0])
    loop.run(ProfileStore(database).save(good))
    body = good.model_dump(mode="json")

    def check(value: Any) -> None:
        def write(connection: Any) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO profile (id, name, name_key, position, body) VALUES ('x', 'x', 'x', 9, ?)",
                (json.dumps(value),),
            )

        async def look() -> None:
            await database.write(write)
            store = ProfileStore(database)
            await store.load()
            assert good.id in [profile.id for profile in store.all()]

        loop.run(look())

    try:
        fuzz("profile rows", 0.03, changed(body), check)
    finally:
        loop.run(database.close())
