import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desktop_app.core.errors import ProfileError, ProfileNotFound
from desktop_app.core.events import ProfileChanged
from desktop_app.core.profile import CallbackSource, Detection, Profile, RemoteSource
from desktop_app.store.database import Database
from desktop_app.store.profiles import ProfileStore

MakeProfile = Callable[..., Profile]


@pytest.fixture
def store(db: Database) -> ProfileStore:
    return ProfileStore(db)


async def reloaded(db: Database) -> ProfileStore:
    store = ProfileStore(db)
    await store.load()
    return store


async def test_profiles_come_back_in_the_order_they_were_added(
    store: ProfileStore, db: Database, make_profile: MakeProfile
) -> None:
    script = CallbackSource(script=Path("/s.py"), python=Path("/venv/bin/python"), environment={"A": "1"})
    profiles = [
        make_profile("Zebra", detection=Detection(confidence=0.5, classes=("a", "b"), class_confidence={"a": 0.1})),
        make_profile("Äpfel", source=script, timeout_s=5.0),
        make_profile("OCR", source=RemoteSource(url="http://triton:8000", model="ocr"), enabled=False),
    ]
    for profile in profiles:
        await store.save(profile)
    await store.save(profiles[0].changed(concurrency=3))
    again = await reloaded(db)
    assert again.all() == (profiles[0].changed(concurrency=3), *profiles[1:])
    assert again.notices == ()


async def test_changes_are_heard_of(store: ProfileStore, db: Database, make_profile: MakeProfile) -> None:
    heard: list[ProfileChanged] = []
    store.changed.connect(heard.append)
    profile = make_profile()
    await store.save(profile)
    await store.remove(profile.id)
    assert heard == [ProfileChanged(profile), ProfileChanged(profile, removed=True)]
    assert store.all() == (await reloaded(db)).all() == ()
    with pytest.raises(ProfileNotFound):
        await store.remove(profile.id)


async def test_what_another_process_changed_is_heard_of_at_the_next_load(
    store: ProfileStore, db: Database, make_profile: MakeProfile
) -> None:
    kept, edited, removed = make_profile("kept"), make_profile("edited"), make_profile("removed")
    for profile in (kept, edited, removed):
        await store.save(profile)
    other = await reloaded(db)
    await other.save(edited.changed(timeout_s=9.0))
    await other.remove(removed.id)
    added = make_profile("added")
    await other.save(added)
    heard: list[ProfileChanged] = []
    store.changed.connect(heard.append)
    await store.load()
    assert heard == [
        ProfileChanged(edited.changed(timeout_s=9.0)),
        ProfileChanged(added),
        ProfileChanged(removed, removed=True),
    ]


async def test_names_are_unique_whoever_adds_them(store: ProfileStore, db: Database, make_profile: MakeProfile) -> None:
    await store.save(make_profile("Vehicles"))
    with pytest.raises(ProfileError) as caught:
        await store.save(make_profile("vehicles "))
    assert caught.value.where == "vehicles"
    # Not even a store that has not loaded the other one.
    with pytest.raises(ProfileError):
        await ProfileStore(db).save(make_profile("VEHICLES"))
    outcomes = await asyncio.gather(*[store.save(make_profile("Twice")) for _ in range(3)], return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 1


async def test_renaming_keeps_place_and_id(store: ProfileStore, db: Database, make_profile: MakeProfile) -> None:
    first, second = make_profile("One"), make_profile("Two")
    await store.save(first)
    await store.save(second)
    await store.save(first.changed(name="Uno"))
    assert [profile.name for profile in (await reloaded(db)).all()] == ["Uno", "Two"]
    await store.save(second.changed(name="One"))


async def test_finding_one(store: ProfileStore, make_profile: MakeProfile) -> None:
    with pytest.raises(ProfileNotFound, match="profiles add"):
        store.get("x")
    profile = make_profile("Vehicles")
    await store.save(profile)
    await store.save(make_profile("Defects"))
    assert store.get(profile.id) == store.get("Vehicles") == store.get("VEHICLES") == profile
    with pytest.raises(ProfileNotFound) as caught:
        store.get("Vehicels")
    assert caught.value.remedy == "Did you mean “Vehicles”?"
    with pytest.raises(ProfileNotFound) as caught:
        store.get("zzzzzz")
    assert caught.value.remedy == "There are: Defects, Vehicles."


async def test_rows_that_cannot_be_read_are_left_alone_and_said(
    store: ProfileStore, db: Database, make_profile: MakeProfile
) -> None:
    good = make_profile("Good")
    await store.save(good)
    bodies = ["no json", "[]", "{}", json.dumps({**good.model_dump(mode="json"), "id": "other"}), "null"]
    for number, body in enumerate(bodies):
        values = (f"b{number}", f"Bad {number}", f"bad {number}", 9, body)
        await db.write(lambda c, v=values: c.execute("INSERT INTO profile VALUES (?, ?, ?, ?, ?)", v))
    again = await reloaded(db)
    assert again.all() == (good,)
    assert len(again.notices) == len(bodies)
    assert "Bad 0" in again.notices[0]
    assert await db.read(lambda c: c.execute("SELECT count(*) FROM profile").fetchone()[0]) == 1 + len(bodies)


async def test_settings_of_a_newer_version_survive_an_edit(
    store: ProfileStore, db: Database, make_profile: MakeProfile
) -> None:
    profile = make_profile()
    await store.save(profile)
    body = json.dumps({**profile.model_dump(mode="json"), "from_the_future": {"a": 1}})
    await db.write(lambda c: c.execute("UPDATE profile SET body = ?", (body,)))
    again = await reloaded(db)
    assert again.all() == (profile,)
    assert "from_the_future" in again.notices[0]
    await again.save(profile.changed(timeout_s=7.0))
    stored = await db.read(lambda c: json.loads(c.execute("SELECT body FROM profile").fetchone()[0]))
    assert stored["from_the_future"] == {"a": 1}
    assert stored["timeout_s"] == 7.0


def test_an_export_can_be_imported_and_carries_no_secret(db: Database, make_profile: MakeProfile) -> None:
    store = ProfileStore(db)
    source = CallbackSource(script=Path("/s.py"), environment={"HF_TOKEN": "abc", "MODE": "fast"})
    profile = make_profile(source=source)
    text = store.export_text(profile)
    assert "abc" not in text
    imported = store.import_text(text)
    assert imported.id != profile.id
    assert isinstance(imported.source, CallbackSource)
    assert imported.source.environment == {"MODE": "fast"}
    assert imported.changed(id=profile.id, source=source) == profile


async def test_half_a_character_in_an_exported_plugin_is_refused(db: Database, make_profile: MakeProfile) -> None:
    """Found by the fuzz test: JSON may hold it, no file and no address can."""
    store = ProfileStore(db)
    text = store.export_text(make_profile()).replace('"host": "https://', '"host": "https://\\ud800')
    with pytest.raises(ProfileError, match="half a character"):
        store.import_text(text)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"host": "not an address"}, "host"),
        ({"timeout_s": -1}, "timeout_s"),
        ({"source": {"kind": "magic"}}, "source"),
        ({"unknown": 1}, "unknown"),
        ({"name": ""}, "name"),
    ],
)
def test_a_bad_import_names_the_field(
    db: Database, make_profile: MakeProfile, change: dict[str, Any], where: str
) -> None:
    store = ProfileStore(db)
    outer = json.loads(store.export_text(make_profile()))
    outer["profile"].update(change)
    with pytest.raises(ProfileError) as caught:
        store.import_text(json.dumps(outer))
    assert caught.value.where.startswith(where)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"profile": 1}', '{"plugdeck_profile": 99, "profile": {}}', "[" * 100_000]
)
def test_what_is_no_export_is_a_known_error(db: Database, text: str) -> None:
    with pytest.raises(ProfileError):
        ProfileStore(db).import_text(text)
    with pytest.raises(ProfileError):
        ProfileStore(db).import_text(text.ljust(2_000_000))


@settings(max_examples=50, deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_no_import_is_a_crash(value: Any) -> None:
    store = ProfileStore(Database(Path("never-opened.db")))
    for text in (json.dumps(value), json.dumps({"plugdeck_profile": 1, "profile": value})):
        with pytest.raises(ProfileError):
            store.import_text(text)


async def test_a_look_that_meets_a_change_of_ours_is_forgotten(
    store: ProfileStore, make_profile: Callable[..., Profile]
) -> None:
    await store.load()
    heard: list[ProfileChanged] = []
    store.changed.connect(heard.append)
    for number in range(20):
        profile = make_profile(f"p{number}")
        await asyncio.gather(store.load(), store.save(profile), store.load())
        await asyncio.gather(store.load(), store.remove(profile.id), store.load())
    assert [change.removed for change in heard] == [False, True] * 20
    await store.load()
    assert store.all() == ()


async def test_what_others_change_is_seen_also_when_they_take_a_change_of_ours_back(
    store: ProfileStore, db: Database, make_profile: Callable[..., Profile]
) -> None:
    profile = make_profile("cars")
    await store.save(profile)
    await store.load()
    await store.load()
    other = await reloaded(db)
    await store.save(profile.model_copy(update={"concurrency": 3}))
    await other.save(profile)
    heard: list[ProfileChanged] = []
    store.changed.connect(heard.append)
    await store.load()
    assert store.all() == (profile,)
    await store.load()
    assert [change.profile for change in heard] == [profile], "the same rows are no news"
    await other.remove(profile.id)
    await store.load()
    assert store.all() == ()
