from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import keyring
import psutil
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeychain

from desktop_app.core import aio
from desktop_app.core.errors import ModelLoadError, ProfileError, ProfileNotFound, SecretError, StoreError
from desktop_app.core.events import Event, ProfileChanged, ProfileState, StatusChanged
from desktop_app.core.profile import CallbackSource, OnnxSource, Profile, RemoteSource
from desktop_app.core.resources import resource
from desktop_app.host import Host
from desktop_app.hub.demo.server import DemoHub
from desktop_app.store.paths import DataDir

MODEL = resource("demo", "fasteners.onnx")
PICTURE = resource("demo", "assets", "tray-01.jpg")

SCRIPT = """
from ango.plugins import ModelPlugin, run

def work(**data):
    return {"data": data["dataURL"], "answer": {"objects": [], "classifications": [], "relations": []}}

run(ModelPlugin(id="script-id", secret="script-secret", callback=work), host="https://hub.example")
"""


class Keychain(KeyringBackend):
    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.values.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.values[username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.values[username]


@pytest.fixture
def keychain() -> Iterator[Keychain]:
    before = keyring.get_keyring()
    made = Keychain()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.fixture
def no_keychain() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeychain())
    yield
    keyring.set_keyring(before)


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """A host that serves; nothing of it may be left when it has stopped."""
    made = Host(DataDir(tmp_path / "data"))
    await made.start()
    yield made
    await made.stop(0.0)
    assert not aio.running_tasks()
    assert not psutil.Process().children()


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "plugin.py"
    path.write_text(SCRIPT)
    return path


def profile(name: str = "Cars", host: str = "https://hub.example", **fields: Any) -> Profile:
    return Profile(**{"name": name, "host": host, "plugin_id": "i", "source": OnnxSource(path=MODEL), **fields})


async def test_a_profile_and_its_secret_live_and_go_together(host: Host, keychain: Keychain) -> None:
    heard: list[Event] = []
    host.events.connect(heard.append)
    cars = profile()
    assert await host.add_profile(cars, "s3cret") == ""
    assert keychain.values == {cars.id: "s3cret"}
    renamed = cars.changed(name="Vehicles")
    assert await host.update_profile(renamed) == ""
    assert host.profiles.get("vehicles") == renamed
    assert keychain.values == {cars.id: "s3cret"}
    assert await host.update_profile(renamed, "new") == ""
    assert keychain.values == {cars.id: "new"}
    await host.remove_profile(cars.id)
    assert keychain.values == {}
    with pytest.raises(ProfileNotFound):
        host.profiles.get("Vehicles")
    assert [event.removed for event in heard if isinstance(event, ProfileChanged)][-1]


async def test_a_token_stays_with_the_server_it_was_given_for(host: Host, keychain: Keychain) -> None:
    far = profile(source=RemoteSource(url="https://models.example", model="m"))
    await host.add_profile(far, None, "t0ken")
    other_model = far.changed(source=RemoteSource(url="https://models.example:443/v2", model="other"))
    await host.update_profile(other_model)
    assert await host.secrets.token(far) == "t0ken"
    elsewhere = far.changed(source=RemoteSource(url="https://models.example:8443", model="m"))
    assert await host.update_profile(elsewhere) == ""
    assert await host.secrets.token(far) is None
    assert keychain.values == {}
    moved = far.changed(source=RemoteSource(url="https://third.example", model="m"))
    await host.update_profile(moved, token="new")
    assert await host.secrets.token(far) == "new"
    await host.remove_profile(far.id)


@pytest.mark.usefixtures("no_keychain")
async def test_without_a_keychain_the_profile_is_kept_and_the_secret_held(host: Host) -> None:
    cars = profile()
    warning = await host.add_profile(cars, "s3cret")
    assert "PLUGDECK_SECRET_CARS" in warning
    assert "s3cret" not in warning
    assert host.profiles.get("Cars") == cars
    assert await host.secrets.get(cars) == "s3cret"
    await host.remove_profile(cars.id)


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("https://hub.example", True),
        ("http://hub.example", False),
        ("http://192.168.1.5:3000", False),
        ("http://127.0.0.1:3000", True),
        ("http://localhost", True),
        ("http://[::1]:3000", True),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example", False),
    ],
)
async def test_plain_http_needs_to_be_allowed_beyond_this_machine(
    host: Host, keychain: Keychain, address: str, fits: bool
) -> None:
    cars = profile(host=address)
    if fits:
        await host.add_profile(cars, "s")
        return
    with pytest.raises(ProfileError) as error:
        await host.add_profile(cars, "s")
    assert error.value.where == address
    assert error.value.remedy
    assert host.profiles.all() == ()
    assert keychain.values == {}
    await host.add_profile(cars.changed(allow_insecure_host=True), "s")
    with pytest.raises(ProfileError):
        await host.update_profile(cars, "other")
    assert host.profiles.get("Cars").allow_insecure_host
    assert keychain.values == {cars.id: "s"}


async def test_a_changed_profile_is_served_anew(host: Host, keychain: Keychain, script: Path) -> None:
    async with DemoHub() as hub:
        hub.add_plugin("a", "s")
        hub.add_plugin("b", "s")
        first = profile(host=hub.url, plugin_id="a", source=CallbackSource(script=script))
        await host.add_profile(first, "s")
        await host.start_profile(first.id)
        await hub.wait_online("a", 30)
        await host.update_profile(first.changed(plugin_id="b"))
        await hub.wait_online("b", 30)
        assert not hub.online("a")
        await host.remove_profile(first.id)
        assert not hub.online("b")
        assert host.status(first.id).state is ProfileState.STOPPED


async def test_only_enabled_profiles_start_by_themselves(host: Host, keychain: Keychain, script: Path) -> None:
    async with DemoHub() as hub:
        for name in ("on", "off"):
            hub.add_plugin(name, "s")
            source = CallbackSource(script=script)
            await host.add_profile(
                profile(name, host=hub.url, plugin_id=name, source=source, enabled=name == "on"), "s"
            )
        await host.start_enabled()
        await hub.wait_online("on", 30)
        assert host.supervisor.running == (host.profiles.get("on").id,)
        await host.stop_profile(host.profiles.get("on").id, 0)
        assert host.supervisor.running == ()


@pytest.mark.usefixtures("no_keychain")
async def test_a_profile_without_a_secret_says_so(host: Host, script: Path) -> None:
    named = asyncio.Event()

    def heard(event: Event) -> None:
        if isinstance(event, StatusChanged) and "PLUGDECK_SECRET_CARS" in event.status.detail:
            named.set()

    host.events.connect(heard)
    async with DemoHub() as hub:
        cars = profile(host=hub.url, source=CallbackSource(script=script))
        await host.add_profile(cars, None)
        with pytest.raises(SecretError, match="PLUGDECK_SECRET_CARS"):
            await host._secret(cars)
        await host.start_profile(cars.id)
        await asyncio.wait_for(named.wait(), 30)


async def test_one_process_serves_a_data_directory_and_others_look(host: Host) -> None:
    other = Host(host.data_dir)
    with pytest.raises(StoreError, match="already in use"):
        await other.start()
    await other.stop(0)
    await other.start(serve=False)
    await host.add_profile(profile(), None)
    await other.profiles.load()
    assert [found.name for found in other.profiles.all()] == ["Cars"]
    await other.stop(0)
    # The first one kept its right.
    third = Host(host.data_dir)
    with pytest.raises(StoreError):
        await third.start()
    await third.stop(0)


async def test_stopping_twice_is_harmless(tmp_path: Path) -> None:
    host = Host(DataDir(tmp_path / "data"))
    await host.start()
    await host.stop(0)
    await host.stop(0)
    again = Host(DataDir(tmp_path / "data"))
    await again.start()
    await again.stop(0)


async def test_a_bug_becomes_a_report_without_secrets(host: Host, keychain: Keychain) -> None:
    await host.add_profile(profile(), "very-secret-value")
    try:
        raise RuntimeError("with very-secret-value in it")
    except RuntimeError as error:
        host.bug(error, "a test")
    (report,) = host.data_dir.crashes.iterdir()
    text = report.read_text()
    assert "RuntimeError" in text
    assert "a test" in text
    assert "very-secret-value" not in text


async def test_files_are_tested_inspected_and_drawn(host: Host, tmp_path: Path) -> None:
    (result,) = await host.test(profile(), [PICTURE])
    assert result.answer is not None
    out = tmp_path / "out.png"
    drawn = await host.draw_overlay(result, out)
    assert drawn["objects"] == len(result.answer["objects"]) > 5
    assert out.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ModelLoadError):
        await host.draw_overlay(result, tmp_path / "none" / "out.png")
    assert (await host.inspect(MODEL))["task"] == "detect"
    with pytest.raises(ModelLoadError):
        await host.test(profile(source=OnnxSource(path=tmp_path / "none.onnx")), [PICTURE])


async def test_scripts_are_read_and_not_run(host: Host, tmp_path: Path) -> None:
    script = tmp_path / "never.py"
    await asyncio.to_thread(script.write_text, SCRIPT + "\nraise SystemExit('never')\n")
    facts = await host.import_script(script)
    assert (facts.plugin_id, facts.secret, facts.host) == ("script-id", "script-secret", "https://hub.example")
