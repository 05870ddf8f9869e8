from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeychain

from desktop_app.cli.doctor import run
from desktop_app.cli.parser import parse
from desktop_app.core.errors import ProfileNotFound
from desktop_app.core.profile import OnnxSource, Profile
from desktop_app.host import Host
from desktop_app.store.paths import DataDir


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeychain())
    made = Host(DataDir(tmp_path / "data"))
    await made.start(serve=False)
    yield made
    await made.stop(0.0)
    keyring.set_keyring(before)


async def test_json_and_words_and_the_exit_code(host: Host, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert await run(host, parse(["doctor", "--json"])) == 0
    fine = json.loads(capsys.readouterr().out)
    assert fine["outcome"] == "warning", "this machine is told to have no keychain"
    assert {check["check"] for check in fine["checks"]} == {"interpreter", "keychain", "disk", "providers"}
    bad = Profile(name="Bad", host="http://127.0.0.1:1", plugin_id="x", source=OnnxSource(path=tmp_path / "none.onnx"))
    await host.add_profile(bad, None)
    assert await run(host, parse(["doctor", "Bad", "--json"])) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["outcome"] == "failed"
    assert set(told["checks"][0]) == {"check", "about", "outcome", "saw", "remedy", "ms"}
    assert await run(host, parse(["doctor", "Bad"])) == 1
    text = capsys.readouterr().out
    assert "FAILED   Connection (TCP)" in text
    assert "→ Nothing listens there" in text
    with pytest.raises(ProfileNotFound):
        await run(host, parse(["doctor", "none"]))


def test_help_documents_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["doctor", "--help"])
    text = capsys.readouterr().out
    assert '{"outcome": OUTCOME, "checks"' in text
    assert "Exit code 1" in text
