from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import keyring
import psutil
import pytest
from keyring.backends import fail

from desktop_app.core import aio
from desktop_app.core.events import JobChanged, ProfileState
from desktop_app.core.job import JobRecord, JobState
from desktop_app.core.profile import CallbackSource, OnnxSource, Profile
from desktop_app.demo import Demo, clear_away, sample_plugins
from desktop_app.host import Host
from desktop_app.store.paths import DataDir


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    made = Host(DataDir(tmp_path / "data"))
    await made.start()
    yield made
    await made.stop(0.0)


def test_the_samples_are_there_and_differ() -> None:
    samples = sample_plugins()
    assert len({sample.plugin_id for sample in samples}) == len({sample.name for sample in samples}) == 3
    for sample in samples:
        assert sample.class_names
        source = sample.source
        path = source.path if isinstance(source, OnnxSource) else source.script  # type: ignore[union-attr]
        assert path.is_file()
    assert {type(sample.source) for sample in samples} == {OnnxSource, CallbackSource}


async def test_every_sample_answers_its_share(host: Host) -> None:
    demo = Demo(host, interval=0.01, jobs=6)
    await demo.start()
    try:
        await demo.hub.wait_until(lambda: sum(s.done for s in demo.hub.sessions.values()) == 6, 90)
        sessions = list(demo.hub.sessions.values())
        assert not any(session.error for session in sessions)
        assert {session.plugin_id for session in sessions} == {sample.plugin_id for sample in sample_plugins()}
        assert demo.hub.protocol_errors == []
    finally:
        await demo.stop()
        await host.stop(2.0)
        await demo.close()
    assert not aio.running_tasks()
    assert not psutil.Process().children()


async def test_it_leaves_neither_secrets_nor_profiles(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the demo has no business in the keychain")

    monkeypatch.setattr("desktop_app.store.secrets._write", never)
    heard: list[JobRecord] = []
    host.events.connect(lambda event: heard.append(event.record) if isinstance(event, JobChanged) else None)
    demo = Demo(host, interval=0.05, jobs=6)
    await demo.start()
    assert [profile.name for profile in host.profiles.all()] == [sample.name for sample in sample_plugins()]
    now = time.time()
    own = JobRecord("own", "own", "own", "A person's own", JobState.DELIVERED, now, now)
    await host.history.record(own)
    await demo.hub.wait_until(lambda: any(record.state.terminal for record in heard), 60)
    await demo.stop(remove=True)
    assert host.profiles.all() == ()
    assert await host.history.list() == [own], "what the demo did is not a person's work"
    assert host.supervisor.running == ()
    await demo.close()
    await demo.close()  # once more is harmless


async def test_a_demo_that_is_dropped_while_it_starts_ends(host: Host) -> None:
    async with Demo(host, jobs=3) as demo:
        assert demo.hub.url.startswith("http://127.0.0.1:")
    await host.stop(0)
    assert not aio.running_tasks()


async def test_plugins_that_fail_can_be_added_and_go_with_the_demo(host: Host) -> None:
    demo = Demo(host, interval=0.01)
    await demo.start()
    try:
        await demo.add_failing("load")
        await demo.add_failing("crash")
        added = {profile.name: profile.id for profile in host.profiles.all()}
        failed, crashing = added["Broken model"], added["Crashing script"]
        await demo.hub.wait_until(lambda: host.status(failed).state is ProfileState.MODEL_FAILED, 60)
        assert "weights-that-are-not-there.pt" in host.status(failed).detail
        await demo.hub.wait_until(lambda: host.status(crashing).crashes > 0, 60)
        await demo.add_failing("load")
        assert len(host.profiles.all()) == len(added), "it is served anew and not added twice"
    finally:
        await demo.stop(remove=True)
    assert host.profiles.all() == ()
    await host.stop(0)
    await demo.close()
    assert not aio.running_tasks()


async def test_one_leaves_it_and_keeps_what_is_ones_own(host: Host) -> None:
    own = Profile(
        name="Fasteners",
        host="https://api.ango.ai",
        plugin_id="65aa",
        source=CallbackSource(script=Path("own.py")),
        enabled=False,
    )
    await host.add_profile(own, None)
    demo = Demo(host, interval=0.05)
    await demo.start()
    try:
        assert "Fasteners 2" in [profile.name for profile in host.profiles.all()], "the name was taken"
        assert (demo.changed(), demo.guests()) == ((), ())
        edited = demo.profiles[1].changed(name="My outline")
        await host.update_profile(edited)
        guest = own.changed(id="guest", name="Guest", host=demo.hub.url)
        await host.add_profile(guest, None)
        await host.start_profile(guest.id)
        assert (demo.changed(), demo.guests()) == ((edited,), (guest,))
        gone = await demo.leave()
    finally:
        await demo.close()
    assert gone == {profile.id for profile in demo.profiles}
    assert host.profiles.all() == (own, guest)
    assert host.supervisor.running == ()
    # Once more, from the beginning.
    async with Demo(host, jobs=1) as again:
        await again.hub.wait_until(lambda: any(session.done for session in again.hub.sessions.values()), 60)
        await again.leave()
    assert host.profiles.all() == (own, guest)


@pytest.fixture
def no_keychain() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


@pytest.mark.usefixtures("no_keychain")
async def test_what_a_crash_left_of_it_is_cleared_away(host: Host) -> None:
    first = sample_plugins()[0]
    left = Profile(name=first.name, host="http://127.0.0.1:9", plugin_id=first.plugin_id, source=first.source)
    own = left.changed(id="own", name="Served at a hub of mine")
    other = left.changed(id="other", name="Another", source=CallbackSource(script=Path("own.py")))
    for profile in (left, own, other):
        await host.add_profile(profile, None)
    host.secrets.hold(own, "kept")
    await clear_away(host)
    assert host.profiles.all() == (own, other)
