from __future__ import annotations

from desktop_app.runner.environment import HELD, SILENT, child_environment, hide

OWN = {
    "PATH": "/bin",
    "PLUGDECK_DATA_DIR": "/d",
    "plugdeck_other": "x",
    "TOKEN": "Bearer long-secret-value",
    "SHORT": "abc",
    "WORD": "abcdef",
    "__PYVENV_LAUNCHER__": "x",
}


def test_our_variables_and_secrets_stay_behind() -> None:
    environment = child_environment(OWN, secrets=("long-secret-value", "abc", ""), frozen=False)
    assert environment == {"PATH": "/bin", "WORD": "abcdef", **SILENT}


def test_the_profiles_variables_win() -> None:
    environment = child_environment(OWN, extra={"PATH": "/mine", "TOKEN": "own"}, secrets=("long-secret-value",))
    assert (environment["PATH"], environment["TOKEN"]) == ("/mine", "own")


def test_a_script_finds_something_where_it_looks_for_its_secret() -> None:
    read = ("TOKEN", "PATH", "PLUGDECK_DATA_DIR", "UNSET")
    environment = child_environment(OWN, secrets=("long-secret-value",), read=read, frozen=False)
    assert environment["TOKEN"] == HELD
    assert environment["PATH"] == "/bin"
    assert "PLUGDECK_DATA_DIR" not in environment
    assert "UNSET" not in environment


def test_a_bundles_traces_do_not_reach_other_interpreters() -> None:
    own = {
        "LD_LIBRARY_PATH": "/bundle",
        "LD_LIBRARY_PATH_ORIG": "/usr/local/lib",
        "DYLD_LIBRARY_PATH": "/bundle",
        "_PYI_ARCHIVE_FILE": "x",
        "_PYI_PARENT_PROCESS_LEVEL": "1",
        "_MEIPASS2": "x",
        "HOME": "/h",
    }
    assert child_environment(own, frozen=True) == {"LD_LIBRARY_PATH": "/usr/local/lib", "HOME": "/h", **SILENT}
    assert child_environment(own, frozen=False) == own | SILENT


def test_onnxruntime_reports_to_nobody_unless_the_person_says_so() -> None:
    assert child_environment({})["ORT_DISABLE_TELEMETRY"] == "1"
    assert child_environment({"ORT_DISABLE_TELEMETRY": "0"})["ORT_DISABLE_TELEMETRY"] == "0"
    assert child_environment({}, extra={"ORT_DISABLE_TELEMETRY": "0"})["ORT_DISABLE_TELEMETRY"] == "0"


def test_hiding() -> None:
    assert hide("key=abcd1234; abc", ("abcd1234", "abc", "")) == "key=•••; abc"
