import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop_app.core.errors import UsageError
from desktop_app.store.database import Database
from desktop_app.store.settings import Settings, SettingsStore


@pytest.fixture
def store(db: Database) -> SettingsStore:
    return SettingsStore(db)


async def reloaded(db: Database) -> SettingsStore:
    store = SettingsStore(db)
    await store.load()
    return store


async def put(db: Database, key: str, text: str) -> None:
    await db.write(lambda c: c.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (key, text)))


async def test_changes_are_kept_and_heard_of(store: SettingsStore, db: Database) -> None:
    heard: list[Settings] = []
    store.changed.connect(heard.append)
    assert store.current == Settings()
    await store.change(theme="dark", cache_limit_mb=100, close_to_tray=True)
    assert heard == [store.current]
    assert (await reloaded(db)).current == Settings(theme="dark", cache_limit_mb=100, close_to_tray=True)
    await store.change(close_to_tray=None)
    assert (await reloaded(db)).current.close_to_tray is None


async def test_two_changes_at_once_both_count(store: SettingsStore) -> None:
    await asyncio.gather(store.change(theme="light"), store.change(density="compact"))
    assert (store.current.theme, store.current.density) == ("light", "compact")


@pytest.mark.parametrize(
    "change",
    [
        {"theme": "pink"},
        {"cache_limit_mb": 0},
        {"history_days": "many"},
        {"no_such": 1},
        {"proxy": "http://me:password@proxy:3128"},
        {"proxy": "proxy"},
        {"theme": "dark", "cache_limit_mb": -5},
    ],
)
async def test_a_value_that_does_not_fit_changes_nothing(
    store: SettingsStore, db: Database, change: dict[str, Any]
) -> None:
    with pytest.raises(UsageError) as caught:
        await store.change(**change)
    assert "password" not in caught.value.where
    assert store.current == (await reloaded(db)).current == Settings()


async def test_keys_of_other_versions_survive(store: SettingsStore, db: Database) -> None:
    await put(db, "from_the_future", '{"a": 1}')
    await store.load()
    await store.change(theme="dark")
    assert store.notices == ()
    stored = await db.read(lambda c: dict(c.execute("SELECT key, value FROM setting").fetchall()))
    assert stored == {"from_the_future": '{"a": 1}', "theme": '"dark"'}


async def test_a_broken_value_falls_back_and_is_said(db: Database) -> None:
    await put(db, "theme", '"pink"')
    await put(db, "cache_limit_mb", "no json")
    await put(db, "density", '"compact"')
    store = await reloaded(db)
    assert store.current == Settings(density="compact")
    assert len(store.notices) == 2
    assert any("Theme" in notice for notice in store.notices)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.sampled_from(sorted(Settings.model_fields)), st.text() | st.none().map(json.dumps) | st.floats().map(json.dumps)
)
async def test_nothing_stored_keeps_the_app_from_starting(db: Database, key: str, text: str) -> None:
    if text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text):
        await put(db, key, text)
        await reloaded(db)


def test_every_setting_on_the_page_is_described() -> None:
    for name, field in Settings.model_fields.items():
        assert name.startswith(("window_", "crashes_", "runners")) or (field.title and field.description)
