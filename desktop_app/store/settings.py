"""The app's settings: data with type, default and description."""

from __future__ import annotations

import json
import sqlite3
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from desktop_app.core.errors import UsageError
from desktop_app.core.events import Signal
from desktop_app.store.database import Database


class Settings(BaseModel):
    """Every setting. Titles and descriptions are what the settings page shows; those without a title are not on it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    theme: Annotated[
        Literal["system", "light", "dark"], Field(title="Theme", description="System follows the desktop's choice.")
    ] = "system"
    density: Annotated[
        Literal["comfortable", "compact"], Field(title="Density", description="How much room lists and buttons take.")
    ] = "comfortable"
    language: Annotated[
        str,
        Field(title="Language", description="Takes effect at the next start.", max_length=20, pattern=r"^[A-Za-z_-]*$"),
    ] = ""
    cache_limit_mb: Annotated[
        int,
        Field(
            title="Asset cache",
            description="Most space for downloaded assets, in MB; those used longest ago go first.",
            ge=16,
            le=10_000_000,
        ),
    ] = 2048
    history_days: Annotated[
        int | None,
        Field(
            title="Keep history",
            description="Days that jobs and log lines are kept; older ones go within the hour.",
            ge=1,
            le=36_500,
        ),
    ] = 365
    history_jobs: Annotated[
        int, Field(title="Most jobs", description="The oldest finished jobs beyond this go within the hour.", ge=100)
    ] = 1_000_000
    history_lines: Annotated[
        int, Field(title="Most log lines", description="The oldest log lines beyond this go within the hour.", ge=1000)
    ] = 5_000_000
    close_to_tray: Annotated[
        bool | None,
        Field(title="Keep plugins running when the window is closed", description="Plugdeck then stays in the tray."),
    ] = None
    start_at_login: Annotated[bool, Field(title="Start at login", description="Opens in the tray.")] = False
    notifications: Annotated[
        bool, Field(title="Notifications", description="Only for what needs a person, such as a refused login.")
    ] = True
    proxy: Annotated[
        str,
        Field(
            title="Proxy",
            description="An address such as http://proxy:3128, used for new connections. Empty: the system's proxy.",
        ),
    ] = ""
    runners: tuple[str, ...] = ()
    """Metrics addresses of other runners, as the page that watches them keeps them."""
    window_geometry: str = ""
    crashes_seen: float = 0.0
    window_state: str = ""

    @field_validator("proxy")
    @classmethod
    def _plain(cls, value: str) -> str:
        value = value.strip()
        if not value:
            return ""
        parts = urlsplit(value)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError("must be an address such as http://proxy:3128")
        if parts.username or parts.password:
            raise ValueError("must not hold a password: set it in the system's proxy settings or HTTPS_PROXY")
        return value


class SettingsStore:
    """The settings in memory, every change on disk.

    Attributes:
        current: all of them, defaults until `load`.
        changed: emitted with the new settings after each change.
        notices: sentences about stored values that could not be used; the defaults stand in for them.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self.current = Settings()
        self.changed: Signal[Settings] = Signal()
        self.notices: tuple[str, ...] = ()

    async def load(self) -> None:
        """Reads them, again if called again. Keys of other versions stay untouched on disk.

        Raises:
            StoreError: the database cannot be read.
        """
        rows = await self._db.read(lambda c: c.execute("SELECT key, value FROM setting").fetchall())
        values: dict[str, Any] = {}
        notices: list[str] = []
        for key, text in rows:
            if key not in Settings.model_fields:
                continue
            try:
                value = json.loads(text)
                Settings.model_validate({key: value})
            except (ValueError, TypeError):
                title = Settings.model_fields[key].title or key
                notices.append(f"The setting “{title}” could not be read; its default is used.")
                continue
            values[key] = value
        loaded = Settings.model_validate(values)
        before, self.current, self.notices = self.current, loaded, tuple(notices)
        if before != loaded:
            self.changed.emit(loaded)

    async def change(self, **values: Any) -> Settings:
        """Changes some settings and returns all.

        Raises:
            UsageError: there is no such setting, or a value does not fit; nothing is changed.
            StoreError: they cannot be written.
        """
        for key in values:
            if key not in Settings.model_fields:
                raise UsageError("There is no such setting", where=key)
        try:
            changed = Settings.model_validate({**self.current.model_dump(), **values})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            key = str(first["loc"][0]) if first["loc"] else ""
            title = Settings.model_fields[key].title if key in Settings.model_fields else None
            raise UsageError(f"The setting cannot be used: {first['msg']}", where=title or key) from error
        fields = changed.model_dump(mode="json")
        rows = [(key, json.dumps(fields[key])) for key in values]

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", rows)

        await self._db.write(write)
        # Another change may have come in between: only what was asked for here is replaced.
        self.current = self.current.model_copy(update={key: getattr(changed, key) for key in values})
        self.changed.emit(self.current)
        return self.current
