import asyncio
import threading
from collections.abc import Callable, Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeychain
from keyring.backends.null import Keyring as NullKeychain
from keyring.errors import KeyringLocked, PasswordDeleteError

from desktop_app.core.errors import SecretError
from desktop_app.core.profile import Profile
from desktop_app.store.secrets import Secrets

MakeProfile = Callable[..., Profile]

VARIABLE = "PLUGDECK_SECRET_VEHICLES"


class Keychain(KeyringBackend):
    """One that works, in memory."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], str] = {}
        self.threads: set[str] = set()

    def get_password(self, service: str, username: str) -> str | None:
        self.threads.add(threading.current_thread().name)
        return self.values.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.values[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.values:
            raise PasswordDeleteError("not there")
        del self.values[service, username]


class Forgetting(Keychain):
    def set_password(self, service: str, username: str, password: str) -> None:
        pass


class Garbling(Keychain):
    def set_password(self, service: str, username: str, password: str) -> None:
        super().set_password(service, username, password[:8])


class Raising(Keychain):
    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("collection is locked, asked for s3cr3t-value")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise OSError(f"cannot keep {password}")

    def delete_password(self, service: str, username: str) -> None:
        raise RuntimeError("no")


class Hanging(Keychain):
    def __init__(self) -> None:
        super().__init__()
        self.release = threading.Event()
        self.calls = 0

    def get_password(self, service: str, username: str) -> str | None:
        self.calls += 1
        self.release.wait(60)
        return super().get_password(service, username)


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(VARIABLE, raising=False)
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


def use(keychain: KeyringBackend) -> None:
    keyring.set_keyring(keychain)


async def test_a_secret_is_kept_in_the_keychain_and_read_by_the_next_start(make_profile: MakeProfile) -> None:
    keychain = Keychain()
    use(keychain)
    profile, secrets = make_profile(), Secrets()
    assert await secrets.get(profile) is None
    await secrets.put(profile, " s3cr3t-value\n")
    assert list(keychain.values) == [("Plugdeck", profile.id)]
    later = Secrets()
    assert await later.get(profile) == await later.require(profile) == "s3cr3t-value"
    assert later.known() == {"s3cr3t-value"}
    await later.delete(profile)
    await later.delete(profile)
    assert keychain.values == {}
    assert await later.get(profile) is None
    # The loop's own thread never waited for it.
    assert threading.current_thread().name not in keychain.threads


async def test_an_api_key_is_kept_beside_the_secret_and_goes_with_it(
    make_profile: MakeProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    keychain = Keychain()
    use(keychain)
    profile, secrets = make_profile(), Secrets()
    assert await secrets.api_key(profile) is None
    await secrets.put(profile, "s3cr3t-value")
    await secrets.put_api_key(profile, " k-123456\n")
    later = Secrets()
    assert (await later.get(profile), await later.api_key(profile)) == ("s3cr3t-value", "k-123456")
    assert later.known() == {"s3cr3t-value", "k-123456"}
    monkeypatch.setenv("PLUGDECK_API_KEY_VEHICLES", "k-of-the-environment")
    assert await later.api_key(profile) == "k-of-the-environment"
    assert "k-of-the-environment" in Secrets().known()
    monkeypatch.delenv("PLUGDECK_API_KEY_VEHICLES")
    await later.delete_api_key(profile)
    assert (await later.get(profile), await later.api_key(profile)) == ("s3cr3t-value", None)
    await later.put_api_key(profile, "k-123456")
    await later.delete(profile)
    assert keychain.values == {}
    with pytest.raises(SecretError):
        await later.put_api_key(profile, "schlüssel")


async def test_the_environment_wins(make_profile: MakeProfile, monkeypatch: pytest.MonkeyPatch) -> None:
    use(Keychain())
    profile, secrets = make_profile(), Secrets()
    await secrets.put(profile, "from the keychain")
    monkeypatch.setenv(VARIABLE, "from the environment\n")
    assert await secrets.get(profile) == "from the environment"
    monkeypatch.setenv(VARIABLE, "  ")
    assert await secrets.get(profile) == "from the keychain"
    assert secrets.known() == {"from the environment", "from the keychain"}


async def test_the_environment_needs_no_keychain(make_profile: MakeProfile, monkeypatch: pytest.MonkeyPatch) -> None:
    use(Raising())
    monkeypatch.setenv(VARIABLE, "from the environment")
    assert await Secrets().get(make_profile()) == "from the environment"


@pytest.mark.parametrize("keychain", [NoKeychain, NullKeychain, Forgetting, Garbling, Raising])
async def test_a_keychain_that_cannot_keep_it_is_said_with_the_variable(
    make_profile: MakeProfile, keychain: Callable[[], KeyringBackend]
) -> None:
    use(keychain())
    profile, secrets = make_profile(), Secrets()
    with pytest.raises(SecretError) as caught:
        await secrets.put(profile, "s3cr3t-value")
    error = caught.value
    assert VARIABLE in error.remedy
    assert error.where == "Vehicles"
    assert "s3cr3t-value" not in f"{error}{error.details}{error.__context__!r}"
    # Good for this run all the same.
    assert await secrets.get(profile) == "s3cr3t-value"
    assert secrets.known() == {"s3cr3t-value"}


@pytest.mark.parametrize("keychain", [NoKeychain, NullKeychain, Keychain])
async def test_no_secret_anywhere(make_profile: MakeProfile, keychain: Callable[[], KeyringBackend]) -> None:
    use(keychain())
    profile, secrets = make_profile(), Secrets()
    assert await secrets.get(profile) is None
    with pytest.raises(SecretError) as caught:
        await secrets.require(profile)
    assert VARIABLE in caught.value.remedy
    await secrets.delete(profile)


async def test_a_locked_keychain_is_no_missing_secret(make_profile: MakeProfile) -> None:
    use(Raising())
    profile, secrets = make_profile(), Secrets()
    with pytest.raises(SecretError) as caught:
        await secrets.get(profile)
    assert "Unlock" in caught.value.remedy
    assert VARIABLE in caught.value.remedy
    assert "KeyringLocked" in caught.value.details
    with pytest.raises(SecretError):
        await secrets.delete(profile)


async def test_a_keychain_that_hangs(make_profile: MakeProfile) -> None:
    keychain = Hanging()
    use(keychain)
    profile, secrets = make_profile(), Secrets(limit_s=0.05)
    try:
        outcomes = await asyncio.gather(*[secrets.get(profile) for _ in range(20)], return_exceptions=True)
        assert all(isinstance(outcome, SecretError) for outcome in outcomes)
        assert "did not answer" in str(outcomes[0])
        # One thread hangs, not twenty.
        assert keychain.calls == 1
        with pytest.raises(SecretError):
            await secrets.put(profile, "s3cr3t-value")
        assert await secrets.get(profile) == "s3cr3t-value"
    finally:
        keychain.release.set()
    for thread in threading.enumerate():
        if thread.name == "plugdeck-keychain":
            await asyncio.to_thread(thread.join, 10)
    # The person has unlocked it meanwhile.
    await secrets.put(profile, "another-value")
    assert await secrets.get(profile) == "another-value"


async def test_an_empty_secret_is_refused(make_profile: MakeProfile) -> None:
    use(Keychain())
    with pytest.raises(SecretError, match="empty"):
        await Secrets().put(make_profile(), " \n")


@pytest.mark.parametrize(
    ("backend", "there"), [(NoKeychain, False), (NullKeychain, False), (Keychain, True), (Raising, True)]
)
async def test_whether_there_is_a_keychain(backend: type[KeyringBackend], there: bool) -> None:
    former = keyring.get_keyring()
    keyring.set_keyring(backend())
    try:
        assert await Secrets().has_keychain() is there
    finally:
        keyring.set_keyring(former)
