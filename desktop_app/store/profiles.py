"""The profiles on disk, and as text to hand to somebody else."""

from __future__ import annotations

import difflib
import json
import sqlite3
from typing import Any

from pydantic import ValidationError

from desktop_app.core.errors import ProfileError, ProfileNotFound
from desktop_app.core.events import ProfileChanged, Signal
from desktop_app.core.profile import Profile
from desktop_app.store.database import Database
from desktop_app.store.rows import storable

_FORMAT = 1
_LARGEST = 1 << 20
_SECRET_NAMES = ("KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL", "AUTH", "COOKIE")


class ProfileStore:
    """All profiles in memory, every change on disk.

    Attributes:
        changed: emitted after each change, also for those that `load` finds another process has made.
        notices: sentences about rows that could not be used; the rows themselves are left as they are.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._profiles: dict[str, Profile] = {}
        self._unknown: dict[str, dict[str, Any]] = {}
        self.changed: Signal[ProfileChanged] = Signal()
        self.notices: tuple[str, ...] = ()
        self._loaded = False
        self._changes = 0
        """Counts our own changes, begun and done: what was read before one of them is old."""
        self._seen: tuple[int, list[tuple[str, str, str]]] | None = None
        """The rows that were understood last, and our changes before them: the same need no second look."""

    async def load(self) -> None:
        """Reads them, again if called again; leaves them alone where a change of ours is on its way.

        Raises:
            StoreError: the database cannot be read.
        """
        changes = self._changes
        rows = await self._db.read(_read_all)
        if changes != self._changes or (changes, rows) == self._seen:
            return
        self._seen = (changes, rows)
        notices: list[str] = []
        found: dict[str, Profile] = {}
        for profile_id, name, body in rows:
            try:
                profile, unknown = _lenient(json.loads(body))
            except (ValueError, TypeError) as error:
                notices.append(f"The plugin “{name}” cannot be read and was left out: {_first(error)}.")
                continue
            if profile.id != profile_id:
                notices.append(f"The plugin “{name}” cannot be read and was left out: its id does not fit.")
                continue
            if unknown:
                self._unknown[profile_id] = unknown
                names = ", ".join(sorted(unknown))
                notices.append(f"The plugin “{name}” has settings of another version that are left alone: {names}.")
            found[profile_id] = profile
        known = self._loaded or bool(self._profiles)  # the first look is no change
        before, self._profiles, self.notices = self._profiles, found, tuple(notices)
        for profile_id, profile in found.items():
            if before.get(profile_id) != profile and known:
                self.changed.emit(ProfileChanged(profile))
        for profile_id, profile in before.items():
            if profile_id not in found:
                self.changed.emit(ProfileChanged(profile, removed=True))
        self._loaded = True

    def all(self) -> tuple[Profile, ...]:
        """Every profile, in the order they were added."""
        return tuple(self._profiles.values())

    def get(self, name_or_id: str) -> Profile:
        """The profile of that id or name; capital letters do not matter where that leaves one.

        Raises:
            ProfileNotFound: its remedy names what comes near.
        """
        if name_or_id in self._profiles:
            return self._profiles[name_or_id]
        key = _key(name_or_id)
        for profile in self._profiles.values():
            if _key(profile.name) == key:
                return profile
        raise ProfileNotFound("There is no plugin of that name", where=name_or_id, remedy=self._suggestion(key))

    async def save(self, profile: Profile) -> None:
        """Adds a profile, or replaces the one with its id.

        Raises:
            ProfileError: another profile has the name.
            StoreError: it cannot be written.
        """
        body = json.dumps({**self._unknown.get(profile.id, {}), **profile.model_dump(mode="json")}, ensure_ascii=False)
        name = storable(profile.name)

        def write(connection: sqlite3.Connection) -> bool:
            taken = connection.execute(
                "SELECT 1 FROM profile WHERE name_key = ? AND id <> ?", (_key(name), profile.id)
            ).fetchone()
            if taken:
                return False
            connection.execute(
                "INSERT INTO profile (id, name, name_key, position, body) "
                "VALUES (?, ?, ?, (SELECT coalesce(max(position), 0) + 1 FROM profile), ?) "
                "ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key, "
                "body = excluded.body",
                (profile.id, name, _key(name), body),
            )
            return True

        self._changes += 1
        saved = await self._db.write(write)
        self._changes += 1
        if not saved:
            raise ProfileError(
                "Another plugin has this name already",
                where=profile.name,
                remedy="Choose another name, or remove that plugin first.",
            )
        self._profiles[profile.id] = profile
        self.changed.emit(ProfileChanged(profile))

    async def remove(self, profile_id: str) -> None:
        """Forgets a profile; its jobs stay in the history.

        Raises:
            ProfileNotFound: no profile has that id.
            StoreError: it cannot be written.
        """
        profile = self._profiles.get(profile_id)
        if profile is None:
            raise ProfileNotFound("There is no plugin of that id", where=profile_id)

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM profile WHERE id = ?", (profile_id,))

        self._changes += 1
        await self._db.write(write)
        self._changes += 1
        self._profiles.pop(profile_id, None)
        self._unknown.pop(profile_id, None)
        self.changed.emit(ProfileChanged(profile, removed=True))

    def export_text(self, profile: Profile) -> str:
        """The profile as JSON text for another machine: no id, no secret, no environment value named like one."""
        fields = profile.model_dump(mode="json", exclude={"id"})
        environment = fields["source"].get("environment")
        if environment:
            kept = {name: value for name, value in environment.items() if not _secret_name(name)}
            fields["source"]["environment"] = kept
        return json.dumps({"plugdeck_profile": _FORMAT, "profile": fields}, indent=2, ensure_ascii=False) + "\n"

    def import_text(self, text: str) -> Profile:
        """A profile from exported text, with an id of its own; it is not saved yet.

        Raises:
            ProfileError: the text is no exported profile; `where` names the field.
        """
        if len(text) > _LARGEST:
            raise ProfileError("This is no exported plugin: it is far too long")
        try:
            outer = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ProfileError(
                "This is no exported plugin: it is not JSON",
                where=str(error),
                remedy="Use a file made by: plugdeck profiles export NAME FILE",
            ) from error
        fields = outer.get("profile") if isinstance(outer, dict) else None
        if not isinstance(outer, dict) or not isinstance(fields, dict):
            raise ProfileError(
                "This is no exported plugin", remedy="Use a file made by: plugdeck profiles export NAME FILE"
            )
        if outer.get("plugdeck_profile") != _FORMAT:
            raise ProfileError(
                "This plugin was exported by another version of Plugdeck", remedy="Install the latest Plugdeck."
            )
        try:
            json.dumps(fields, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ProfileError(
                "The exported plugin cannot be used: a text in it holds half a character",
                where=ascii(error.object[error.start]),
                remedy="Correct that field in the file.",
            ) from error
        try:
            return Profile.model_validate({key: value for key, value in fields.items() if key != "id"})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise ProfileError(
                f"The exported plugin cannot be used: {first['msg']}",
                where=".".join(str(part) for part in first["loc"]),
                remedy="Correct that field in the file.",
            ) from error

    def _suggestion(self, key: str) -> str:
        names = {_key(profile.name): profile.name for profile in self._profiles.values()}
        near = difflib.get_close_matches(key, names, n=3, cutoff=0.5)
        if near:
            return f"Did you mean {' or '.join(f'“{names[match]}”' for match in near)}?"
        if names:
            return f"There {'is' if len(names) == 1 else 'are'}: {', '.join(sorted(names.values())[:10])}."
        return "Add one with: plugdeck profiles add NAME …"


def _read_all(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    return connection.execute("SELECT id, name, body FROM profile ORDER BY position, rowid").fetchall()


def _lenient(fields: Any) -> tuple[Profile, dict[str, Any]]:
    """The profile, and fields this version does not know, which are kept for the one that does."""
    try:
        return Profile.model_validate(fields), {}
    except ValidationError as error:
        strange = [found["loc"] for found in error.errors() if found["type"] == "extra_forbidden"]
        if len(strange) != error.error_count() or any(len(place) != 1 for place in strange):
            raise
        unknown = {str(place[0]): fields[place[0]] for place in strange}
        return Profile.model_validate({key: value for key, value in fields.items() if key not in unknown}), unknown


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error)


def _key(name: str) -> str:
    return name.strip().casefold()


def _secret_name(name: str) -> bool:
    return any(word in name.upper() for word in _SECRET_NAMES)
