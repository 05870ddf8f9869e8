"""The plugins' secrets: in the environment or in the keychain of the operating system, never in a file."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex
from typing import NamedTuple, TypeVar

from desktop_app.core.errors import SecretError
from desktop_app.core.profile import Profile

T = TypeVar("T")

SERVICE = "Plugdeck"
_PROBE = "doctor"
VARIABLES = ("PLUGDECK_SECRET_", "PLUGDECK_API_KEY_", "PLUGDECK_TOKEN_")
LIMIT_S = 30.0
"""How long the keychain may take; it may be asking the person at the screen."""


class _NoKeychain(Exception):
    """The machine has none that keyring can use."""


class _Forgetful(Exception):
    """It gave back something else than it was given."""


class _Hanging(Exception):
    """The keychain has not answered in time."""


class _Entry(NamedTuple):
    """One thing that the keychain may hold: under which name, which variable wins over it, and for which plugin."""

    name: str
    variable: str
    where: str

    @classmethod
    def secret(cls, profile: Profile) -> _Entry:
        return cls(profile.id, profile.secret_variable, profile.name)

    @classmethod
    def api_key(cls, profile: Profile) -> _Entry:
        return cls(f"{profile.id}-api-key", profile.api_key_variable, profile.name)

    @classmethod
    def token(cls, profile: Profile) -> _Entry:
        return cls(_token_name(profile.id), profile.token_variable, profile.name)

    @classmethod
    def all(cls, profile: Profile) -> tuple[_Entry, ...]:
        return cls.secret(profile), cls.api_key(profile), cls.token(profile)


class Secrets:
    """Reads and keeps secrets. The keychain works in a thread of its own, one call at a time.

    A secret that the keychain would not keep stays in memory until the app ends.
    """

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._lock = asyncio.Lock()
        self._hanging: threading.Thread | None = None
        self._kept: dict[str, str] = {}
        # Known from the start: the first worker inherits the environment before anybody has asked for a secret.
        given = (value.strip() for name, value in os.environ.items() if name.startswith(VARIABLES))
        self._seen = {value for value in given if value}

    def known(self) -> frozenset[str]:
        """Every secret seen in this run, for masking."""
        return frozenset(self._seen)

    async def get(self, profile: Profile) -> str | None:
        """The profile's secret: from its environment variable, else from the keychain; None where neither has one.

        Raises:
            SecretError: the keychain is locked, broken or does not answer.
        """
        return await self._get(_Entry.secret(profile))

    async def api_key(self, profile: Profile) -> str | None:
        """The profile's own API key, with which it goes on with jobs after a restart; None where it has none.

        Raises:
            SecretError: the keychain is locked, broken or does not answer.
        """
        return await self._get(_Entry.api_key(profile))

    async def token(self, profile: Profile) -> str | None:
        """The token for the profile's model server; None where it has none.

        Raises:
            SecretError: the keychain is locked, broken or does not answer.
        """
        return await self._get(_Entry.token(profile))

    async def _get(self, entry: _Entry) -> str | None:
        value = os.environ.get(entry.variable, "").strip() or self._kept.get(entry.name)
        if not value:
            try:
                value = await self._call(entry, lambda: _read(entry.name))
            except _NoKeychain:
                value = None
        if value:
            self._seen.add(value)
        return value or None

    async def has_keychain(self) -> bool:
        """Whether this machine has a keychain at all; asks it for no secret."""
        try:
            return await self._in_thread(_has_keychain)
        except Exception:  # noqa: BLE001 - backends raise whatever their system raises
            return False

    async def probe(self) -> str:
        """Keeps a value in the keychain, reads it back and removes it; returns the keychain's own name.

        Raises:
            SecretError: there is no keychain, or it is locked, broken, forgetful or silent.
        """
        variable = "set each plugin's secret as PLUGDECK_SECRET_<NAME>."
        remedy = f"Unlock it and try again; or {variable}"
        what = "This machine has no keychain"
        try:
            return await self._in_thread(_probe)
        except _NoKeychain:
            remedy = f"Install one (such as GNOME Keyring or KWallet), or {variable}"
        except _Forgetful:
            what = "The keychain does not keep what it is given"
        except _Hanging:
            what = f"The keychain did not answer within {self._limit_s:.0f} seconds"
        except Exception as error:  # noqa: BLE001 - backends raise whatever their system raises
            what = f"The keychain cannot be used: {self._hidden(error)}"
        raise SecretError(what, remedy=remedy)

    async def require(self, profile: Profile) -> str:
        """The profile's secret.

        Raises:
            SecretError: there is none, or the keychain cannot be read; the remedy names the variable to set.
        """
        value = await self.get(profile)
        if value is None:
            raise SecretError(
                "There is no secret for this plugin",
                where=profile.name,
                remedy=f"Enter it in the plugin's settings, or set the environment variable {profile.secret_variable}.",
            )
        return value

    def hold(self, profile: Profile, secret: str) -> None:
        """Keeps a secret in memory only, until the app ends."""
        self._kept[profile.id] = secret
        self._seen.add(secret)

    async def put(self, profile: Profile, secret: str) -> None:
        """Keeps a secret in the keychain and reads it back.

        Raises:
            SecretError: it could not be kept there; it is known until the app ends, and the remedy names the
                environment variable that can hold it.
        """
        secret = secret.strip()
        if not secret:
            raise SecretError("The secret is empty", where=profile.name, remedy="Copy it from the hub's plugin page.")
        await self._put(_Entry.secret(profile), secret)

    async def put_api_key(self, profile: Profile, key: str) -> None:
        """Keeps the profile's own API key in the keychain and reads it back.

        Raises:
            SecretError: see `put`.
        """
        key = key.strip()
        if not key or not key.isascii() or not key.isprintable():
            remedy = "Copy it from your account's page at the hub."
            raise SecretError("This is no API key", where=profile.name, remedy=remedy)
        await self._put(_Entry.api_key(profile), key)

    def hold_token(self, profile_id: str, token: str) -> None:
        """Keeps a token in memory only, until the app ends; "" forgets it again.

        Raises:
            SecretError: it cannot be one.
        """
        name = _token_name(profile_id)
        self._kept.pop(name, None)
        if token:
            value = _checked_token(profile_id, token)
            self._kept[name] = value
            self._seen.add(value)

    async def put_token(self, profile: Profile, token: str) -> None:
        """Keeps the token for the profile's model server in the keychain and reads it back.

        Raises:
            SecretError: see `put`.
        """
        await self._put(_Entry.token(profile), _checked_token(profile.name, token))

    async def _put(self, entry: _Entry, value: str) -> None:
        self._seen.add(value)
        self._kept[entry.name] = value
        remedy = f"It is forgotten when this program ends: set the environment variable {entry.variable}."

        def write() -> bool:
            _write(entry.name, value)
            return _read(entry.name) == value

        try:
            kept = await self._call(entry, write, remedy)
        except _NoKeychain:
            raise SecretError(
                "This machine has no keychain that could keep the secret", where=entry.where, remedy=remedy
            ) from None
        if not kept:
            raise SecretError("The keychain did not keep the secret", where=entry.where, remedy=remedy)
        del self._kept[entry.name]

    async def delete(self, profile: Profile) -> None:
        """Removes all of the profile's secrets from the keychain; harmless where there are none.

        Raises:
            SecretError: the keychain is locked, broken or does not answer.
        """
        entries = _Entry.all(profile)
        for entry in entries:
            self._kept.pop(entry.name, None)

        def every_one() -> None:
            for entry in entries:
                _delete(entry.name)

        try:
            await self._call(entries[0], every_one)
        except _NoKeychain:
            pass

    async def delete_api_key(self, profile: Profile) -> None:
        """Removes the profile's API key alone.

        Raises:
            SecretError: see `delete`.
        """
        await self._delete_one(_Entry.api_key(profile))

    async def delete_token(self, profile: Profile) -> None:
        """Removes the token for the profile's model server alone.

        Raises:
            SecretError: see `delete`.
        """
        await self._delete_one(_Entry.token(profile))

    async def _delete_one(self, entry: _Entry) -> None:
        self._kept.pop(entry.name, None)
        with suppress(_NoKeychain):
            await self._call(entry, lambda: _delete(entry.name))

    async def _call(self, entry: _Entry, fn: Callable[[], T], remedy: str = "") -> T:
        remedy = remedy or f"Unlock the keychain and try again, or set the environment variable {entry.variable}."
        async with self._lock:
            if self._hanging is not None and self._hanging.is_alive():
                raise SecretError("The keychain does not answer", where=entry.where, remedy=remedy)
            what, details = "The keychain cannot be used", ""
            try:
                return await self._in_thread(fn)
            except _Hanging:
                what = f"The keychain did not answer within {self._limit_s:.0f} seconds"
            except _NoKeychain:
                raise
            except Exception as error:  # noqa: BLE001 - backends raise whatever their system raises
                details = self._hidden(error)
            # Raised out here, so that no traceback carries the backend's error: it may quote the secret.
            raise SecretError(what, where=entry.where, remedy=remedy, details=details)

    async def _in_thread(self, fn: Callable[[], T]) -> T:
        # Not the loop's pool: the interpreter waits for its threads when it ends, and a keychain may hang for ever.
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()

        def succeed(value: T) -> None:
            if not outcome.done():
                outcome.set_result(value)

        def fail(error: Exception) -> None:
            if not outcome.done():
                outcome.set_exception(error)

        def run() -> None:
            try:
                try:
                    value = fn()
                except Exception as error:  # noqa: BLE001 - handed to whoever awaits
                    loop.call_soon_threadsafe(fail, error)
                else:
                    loop.call_soon_threadsafe(succeed, value)
            except RuntimeError:
                pass  # the loop has ended meanwhile

        thread = threading.Thread(target=run, name="plugdeck-keychain", daemon=True)
        thread.start()
        try:
            done, _ = await asyncio.wait([outcome], timeout=self._limit_s)
        except asyncio.CancelledError:
            outcome.cancel()
            raise
        if not done:
            outcome.cancel()
            self._hanging = thread
            raise _Hanging
        thread.join()  # its last act was to report
        return outcome.result()

    def _hidden(self, error: Exception) -> str:
        text = f"{type(error).__name__}: {error}"
        for secret in self._seen:
            text = text.replace(secret, "•••")
        return text


def _token_name(profile_id: str) -> str:
    return f"{profile_id}-token"


def _checked_token(where: str, token: str) -> str:
    value = token.strip()
    if not value or not value.isascii() or not value.isprintable():
        raise SecretError(
            "This is no token for a model server", where=where, remedy="Copy it again, without the word Bearer."
        )
    return value


def _has_keychain() -> bool:
    import keyring
    from keyring.backends import fail, null

    return not isinstance(keyring.get_keyring(), (fail.Keyring, null.Keyring))


def _probe() -> str:
    import keyring

    if not _has_keychain():
        raise _NoKeychain
    value = token_hex(8)
    _write(_PROBE, value)
    try:
        if _read(_PROBE) != value:
            raise _Forgetful
    finally:
        _delete(_PROBE)
    return keyring.get_keyring().name


def _read(profile_id: str) -> str | None:
    import keyring
    from keyring.errors import NoKeyringError

    try:
        return keyring.get_password(SERVICE, profile_id)
    except NoKeyringError:
        raise _NoKeychain from None


def _write(profile_id: str, secret: str) -> None:
    import keyring
    from keyring.errors import NoKeyringError

    try:
        keyring.set_password(SERVICE, profile_id, secret)
    except NoKeyringError:
        raise _NoKeychain from None


def _delete(profile_id: str) -> None:
    import keyring
    from keyring.errors import NoKeyringError, PasswordDeleteError

    try:
        if keyring.get_password(SERVICE, profile_id) is not None:
            keyring.delete_password(SERVICE, profile_id)
    except NoKeyringError:
        raise _NoKeychain from None
    except PasswordDeleteError:
        pass
