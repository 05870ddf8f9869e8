from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keyring
import pytest

from desktop_app.core.profile import Profile

SEED = Path(__file__).parent.parent / "data" / "seed_sample.py"

HOST = "https://hub.example"


def add(cli: Any, name: str, *more: object, stdin: str = "s3cret-value\n") -> Any:
    return cli("profiles", "add", name, "--host", HOST, "--id", f"{name}-id", "--secret-stdin", *more, stdin=stdin)


def listed(cli: Any) -> list[Profile]:
    outcome = cli("profiles", "list", "--json")
    assert outcome.code == 0
    return [Profile.model_validate(fields) for fields in json.loads(outcome.out)]


def test_the_secret_goes_to_the_keychain_and_nowhere_else(cli: Any, keychain: Any, model: Path, data_dir: Path) -> None:
    assert add(cli, "Cars", "--onnx", model) == (0, "Added Cars.\n", "")
    (profile,) = listed(cli)
    assert keychain.values == {profile.id: "s3cret-value"}
    assert (profile.host, profile.plugin_id) == (HOST, "Cars-id")
    for file in data_dir.rglob("*"):
        assert not file.is_file() or b"s3cret-value" not in file.read_bytes()
    shown = cli("profiles", "show", "cars")
    assert Profile.model_validate_json(shown.out) == profile

    assert cli("profiles", "remove", "Cars") == (0, "Removed Cars.\n", "")
    assert keychain.values == {}
    assert listed(cli) == []


def test_without_a_keychain_the_variable_is_named(cli: Any, model: Path) -> None:
    outcome = add(cli, "Cars & more", "--onnx", model)
    assert outcome.code == 0
    assert outcome.out == "Added Cars & more.\n"
    assert "no keychain" in outcome.err
    assert "PLUGDECK_SECRET_CARS___MORE" in outcome.err
    assert outcome.err.count("\n") == 1
    assert "s3cret-value" not in outcome.err
    assert [profile.name for profile in listed(cli)] == ["Cars & more"]


def test_a_keychain_that_forgets_is_noticed(
    cli: Any, keychain: Any, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(keychain), "set_password", lambda *_: None)
    outcome = add(cli, "Cars", "--onnx", model)
    assert outcome.code == 0
    assert "did not keep" in outcome.err
    assert "PLUGDECK_SECRET_CARS" in outcome.err
    assert len(listed(cli)) == 1


def test_the_secret_comes_from_a_variable(
    cli: Any, keychain: Any, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", " from-a-variable\n")
    line = ("profiles", "add", "Cars", "--host", HOST, "--id", "i", "--onnx", model, "--secret-env")
    assert cli(*line, "MY_SECRET").code == 0
    assert list(keychain.values.values()) == ["from-a-variable"]
    outcome = cli(*line, "NOT_SET")
    assert outcome.code == 2
    assert "NOT_SET" in outcome.err


def test_no_secret_is_asked_for_that_the_environment_holds(
    cli: Any, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUGDECK_SECRET_CARS", "from-the-environment")
    line = ("profiles", "add", "Cars", "--host", HOST, "--id", "i", "--onnx", model)
    assert cli(*line) == (0, "Added Cars.\n", "")
    cli("profiles", "remove", "Cars")
    # Named a second time, it is known where it will be found: nothing to complain of.
    assert cli(*line, "--secret-env", "PLUGDECK_SECRET_CARS") == (0, "Added Cars.\n", "")


@pytest.mark.parametrize(
    ("given", "missing", "options"),
    [
        ([], "host, plugin id and secret are", ["--host", "--id", "--secret-stdin", "--secret-env", "SECRET_X"]),
        (["--host", HOST], "plugin id and secret are", ["--id", "--secret-env"]),
        (["--host", HOST, "--id", "i"], "secret is", ["--secret-stdin", "--secret-env", "PLUGDECK_SECRET_X"]),
        (["--id", "i", "--secret-stdin"], "host is", ["--host"]),
    ],
)
def test_what_is_missing_is_named_with_the_way_to_give_it(
    cli: Any, model: Path, given: list[str], missing: str, options: list[str]
) -> None:
    outcome = cli("profiles", "add", "x", "--onnx", model, *given, stdin="secret\n")
    assert outcome.code == 2
    assert missing in outcome.err
    assert all(option in outcome.err for option in options)
    assert outcome.err.count("\n") == 1
    assert listed(cli) == []


def test_an_empty_stdin_is_no_secret(cli: Any, model: Path) -> None:
    outcome = add(cli, "x", "--onnx", model, stdin="\n")
    assert (outcome.code, listed(cli)) == (2, [])
    assert "stdin" in outcome.err


def test_a_name_is_taken_once(cli: Any, keychain: Any, model: Path) -> None:
    add(cli, "Cars", "--onnx", model)
    outcome = add(cli, "cars", "--onnx", model)
    assert outcome.code == 1
    assert "name" in outcome.err
    assert len(listed(cli)) == 1


def test_plain_http_is_for_this_machine_only(cli: Any, keychain: Any, model: Path) -> None:
    line = ["profiles", "add", "x", "--id", "i", "--onnx", model, "--secret-stdin", "--host"]
    outcome = cli(*line, "http://hub.example", stdin="s\n")
    assert outcome.code == 1
    assert "http://hub.example" in outcome.err
    assert "--allow-insecure-host" in outcome.err
    assert keychain.values == {}
    assert listed(cli) == []
    assert cli(*line, "http://hub.example", "--allow-insecure-host", stdin="s\n").code == 0
    cli("profiles", "remove", "x")
    assert cli(*line, "http://127.0.0.1:8000", stdin="s\n").code == 0


def test_a_script_tells_its_own_identity(cli: Any, keychain: Any, script: Path) -> None:
    outcome = cli("profiles", "add", "Mine", "--script", script, "--from-script", "--timeout", "5")
    assert outcome == (0, "Added Mine.\n", "")
    (profile,) = listed(cli)
    assert (profile.host, profile.plugin_id, profile.timeout_s) == (HOST, "script-id", 5)
    assert list(keychain.values.values()) == ["script-secret"]


def test_options_win_over_the_script(cli: Any, keychain: Any, script: Path) -> None:
    line = ["--script", script, "--from-script", "--host", "https://other.example", "--id", "o", "--secret-stdin"]
    assert cli("profiles", "add", "Mine", *line, stdin="other\n").code == 0
    (profile,) = listed(cli)
    assert (profile.host, profile.plugin_id) == ("https://other.example", "o")
    assert list(keychain.values.values()) == ["other"]


def test_unfilled_placeholders_are_named(cli: Any, tmp_path: Path) -> None:
    sample = tmp_path / "sample.py"
    shutil.copy(SEED, sample)
    outcome = cli("profiles", "add", "x", "--script", sample, "--from-script")
    assert outcome.code == 2
    assert "placeholders for host, plugin id and secret" in outcome.err
    assert str(sample) in outcome.err
    sample.write_text(sample.read_text().replace("<YOUR HOST>", HOST).replace("<YOUR PLUGIN ID>", "i"))
    outcome = cli("profiles", "add", "x", "--script", sample, "--from-script")
    assert "the placeholder for secret" in outcome.err
    assert "host" not in outcome.err.replace("--host", "").replace(str(sample), "")
    assert outcome.err.count("\n") == 1


def test_what_a_script_keeps_to_itself_is_named(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "odd.py"
    path.write_text(
        "from ango.plugins import *\nrun(ModelPlugin(id=read(), secret=read(), callback=f), host='https://h')\n"
    )
    outcome = cli("profiles", "add", "x", "--script", path, "--from-script")
    assert outcome.code == 2
    assert "no plugin id or secret that can be read" in outcome.err


def test_a_script_that_cannot_be_read_is_one_line(cli: Any, tmp_path: Path, model: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("def broken(:\n")
    outcome = cli("profiles", "add", "x", "--script", path, "--from-script")
    assert outcome.code == 1
    assert "broken.py:1" in outcome.err
    assert outcome.err.count("\n") == 1
    assert cli("profiles", "add", "x", "--script", tmp_path / "none.py", "--from-script").code == 2
    assert "--script" in cli("profiles", "add", "x", "--onnx", model, "--from-script").err


def test_a_script_settles_its_concurrency_and_callback(cli: Any, keychain: Any, tmp_path: Path) -> None:
    path = tmp_path / "plugin.py"
    path.write_text(
        "from imerit_ango.plugins import ModelPlugin\n"
        "def predict(data):\n    return {}\n"
        "plugin = ModelPlugin(id='a', secret='s', callback=predict, host='https://h.example', concurrency=4)\n"
        "other = ModelPlugin(id='b', secret='s', callback=predict)\n"
    )
    outcome = cli("profiles", "add", "x", "--script", path, "--from-script")
    assert outcome.code == 0, outcome.err
    (profile,) = listed(cli)
    assert profile.concurrency == 4
    assert profile.source.callback == "predict"  # type: ignore[union-attr]
    assert "several plugins" in outcome.err
    assert "serves a, not b" in outcome.err
    cli("profiles", "remove", "x")
    cli("profiles", "add", "x", "--script", path, "--from-script", "--concurrency", "2")
    assert listed(cli)[0].concurrency == 2
    cli("profiles", "remove", "x")
    known = ("--host", "https://h.example", "--id", "a", "--script", path, "--memory-limit", "900")
    assert cli("profiles", "add", "x", *known, "--secret-stdin", stdin="s\n").code == 0
    assert (listed(cli)[0].concurrency, listed(cli)[0].memory_limit_mb) == (4, 900)
    assert "--memory-limit" in cli("profiles", "add", "y", *known[:-1], "2").err


def test_an_exported_profile_comes_back_without_its_secret(
    cli: Any, keychain: Any, model: Path, tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(cli, "Cars", "--onnx", model, "--confidence", "0.6", "--classes", "a,b,c")
    (before,) = listed(cli)
    printed = cli("profiles", "export", "Cars")
    assert printed.err == "", "a pipe gets what was asked for and nothing else"
    with monkeypatch.context() as terminal:
        terminal.setattr("sys.stdout.isatty", lambda: True)
        assert "name a file: plugdeck profiles export NAME FILE" in cli("profiles", "export", "Cars").err
    file = tmp_path / "cars.json"
    outcome = cli("profiles", "export", "Cars", "-o", file)
    assert (outcome.code, outcome.err) == (0, "")
    assert cli("profiles", "export", "Cars", file).code == 0
    assert json.loads(printed.out) == json.loads(file.read_text())
    assert "s3cret-value" not in file.read_text()

    taken = cli("profiles", "import", file)
    assert taken.code == 1
    assert "name" in taken.err
    cli("profiles", "remove", "Cars")
    assert keychain.values == {}
    outcome = cli("profiles", "import", file)
    assert outcome.code == 0
    assert "PLUGDECK_SECRET_CARS" in outcome.out
    (after,) = listed(cli)
    assert after.changed(id=before.id) == before
    assert keyring.get_password("Plugdeck", after.id) is None


def test_files_that_are_no_export_are_one_line(cli: Any, tmp_path: Path, keychain: Any, model: Path) -> None:
    bad = tmp_path / "bad.json"
    for content in (b"", b"{}", b"[1]", b"\xff\xfe\x00", b'{"plugdeck_profile": 1, "profile": {"name": "x"}}'):
        bad.write_bytes(content)
        outcome = cli("profiles", "import", bad)
        assert outcome.code == 1, content
        assert outcome.err.count("\n") == 1
    assert cli("profiles", "import", tmp_path / "none.json").code == 1
    add(cli, "Cars", "--onnx", model)
    outcome = cli("profiles", "export", "Cars", tmp_path / "no" / "such" / "folder.json")
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1


def test_an_import_cannot_bring_in_plain_http(cli: Any, keychain: Any, model: Path, tmp_path: Path) -> None:
    add(cli, "Cars", "--onnx", model)
    text = cli("profiles", "export", "Cars").out.replace(HOST, "http://hub.example")
    file = tmp_path / "cars.json"
    file.write_text(text.replace('"Cars"', '"Other"'))
    outcome = cli("profiles", "import", file)
    assert outcome.code == 1
    assert "http" in outcome.err


def test_an_unknown_name_gets_near_ones(cli: Any, keychain: Any, model: Path) -> None:
    add(cli, "Vehicles", "--onnx", model)
    for line in (["profiles", "show"], ["profiles", "remove"], ["profiles", "export"], ["run"]):
        outcome = cli(*line, "Vehicels")
        assert outcome.code == 1
        assert "“Vehicles”" in outcome.err
        assert outcome.err.count("\n") == 1
        assert outcome.out == ""


def test_the_list_for_people_is_a_table(cli: Any, keychain: Any, model: Path, script: Path) -> None:
    assert "no profiles yet" in cli("profiles", "list").out
    add(cli, "Cars", "--onnx", model)
    cli("profiles", "add", "Mine", "--script", script, "--from-script")
    head, cars, mine = cli("profiles", "list").out.splitlines()
    assert head.split() == ["NAME", "ENABLED", "HOST", "PLUGIN", "ID", "MODEL"]
    assert cars.index(HOST) == mine.index(HOST) == head.index("HOST")
    assert cars.endswith(str(model))
    assert mine.endswith(str(script))


def test_a_shadow_needs_no_identity_of_its_own(cli: Any, model: Path, script: Path, keychain: Any) -> None:
    cli("profiles", "add", "Live", "--script", script, "--from-script")
    outcome = cli("profiles", "add", "Other", "--onnx", model, "--shadow-of", "live", "--confidence", "0.4")
    assert (outcome.code, outcome.err) == (0, "")
    assert "a shadow of Live" in outcome.out
    live, other = (json.loads(cli("profiles", "show", name).out) for name in ("Live", "Other"))
    assert other["shadow_of"] == live["id"]
    assert (other["host"], other["plugin_id"], other["detection"]["confidence"]) == (live["host"], "script-id", 0.4)
    assert live["shadow_of"] is None
    outcome = cli("profiles", "add", "Third", "--onnx", model, "--shadow-of", "nobody")
    assert outcome.code == 1


def test_an_api_key_is_kept_with_a_profile_and_forgotten(cli: Any, model: Path, keychain: Any) -> None:
    add = ("profiles", "add", "Cars", "--host", "https://h.example", "--id", "i", "--secret-stdin", "--onnx", model)
    assert cli(*add, stdin="s\n").code == 0
    outcome = cli("profiles", "api-key", "Cars", "--key-stdin", stdin="k-123456\n")
    assert (outcome.code, outcome.err) == (0, "")
    assert "k-123456" not in outcome.out
    assert "k-123456" in keychain.values.values()
    assert cli("profiles", "api-key", "Cars", "--key-stdin", stdin="\n").code == 2
    assert cli("profiles", "api-key", "Cars", "--key-env", "NOT_SET_AT_ALL").code == 2
    assert cli("profiles", "api-key", "Cars").code == 2
    assert cli("profiles", "api-key", "Cars", "--forget").code == 0
    assert "k-123456" not in keychain.values.values()
