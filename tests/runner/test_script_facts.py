from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from desktop_app.core.errors import ProfileError
from desktop_app.runner.script_facts import ScriptFacts, read_script

SEED_SAMPLE = Path(__file__).parent.parent / "data" / "seed_sample.py"


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Reads the facts of a script's text."""

    def reader(text: str, environment: dict[str, str] | None = None) -> ScriptFacts:
        path = tmp_path / "plugin.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return read_script(path, environment or {})

    return reader


def test_the_seeds_sample_has_three_placeholders() -> None:
    facts = read_script(SEED_SAMPLE, {})
    assert facts.placeholders == ("host", "plugin id", "secret")
    assert (facts.host, facts.plugin_id, facts.secret) == (None, None, None)
    assert (facts.kind, facts.callback, facts.generation, facts.hands_over) == (
        "model",
        "run_model",
        "documented",
        True,
    )
    assert facts.imports == ("ango", "json")


def test_constants_and_keywords(read: Any) -> None:
    facts = read(
        """
        from imerit_ango.plugins import ModelPlugin, run
        from imerit_ango.models.annotate import Answer
        HOST, PLUGIN_ID = "https://imeritapi.ango.ai", "65aa"
        SECRET: str = "s3" + "cret"
        def my_callback(data): ...
        if __name__ == "__main__":
            plugin = ModelPlugin(id=PLUGIN_ID, secret=SECRET, callback=my_callback, host="https://other", concurrency=4)
            run(plugin, host=HOST)
        """
    )
    assert (facts.host, facts.plugin_id, facts.secret) == ("https://imeritapi.ango.ai", "65aa", "s3cret")
    assert (facts.concurrency, facts.generation, facts.callback) == (4, "current", "my_callback")
    assert "s3cret" not in repr(facts)


def test_positional_arguments_and_other_ways_to_import(read: Any) -> None:
    facts = read(
        """
        import imerit_ango.plugins as ap
        from imerit_ango import plugins
        plugins.run(plugins.BatchModelPlugin("id1", "sec", handler), "https://h")
        """
    )
    assert (facts.kind, facts.plugin_id, facts.secret, facts.host) == ("batch", "id1", "sec", "https://h")
    facts = read(
        """
        from ango.plugins import MarkdownPlugin as MP, run as go
        go(MP("id2", "sec", lambda **d: "text"))
        """
    )
    assert (facts.kind, facts.plugin_id, facts.callback) == ("markdown", "id2", None)
    assert facts.host == "https://api.ango.ai", "the documented client's default"
    facts = read("from imerit_ango.plugins import *\nrun(ExportPlugin('i', 's', cb))\n")
    assert (facts.kind, facts.host) == ("export", "https://imeritapi.ango.ai")


def test_environment_variables_and_defaults(read: Any) -> None:
    text = """
        import os
        from os import environ, getenv
        from ango.plugins import ModelPlugin, run
        run(ModelPlugin(os.environ["P_ID"], os.getenv("P_SECRET", "fallback"), cb),
            host=environ.get("P_HOST", default="https://default"))
        """
    facts = read(text, {"P_ID": "x", "P_HOST": "https://set"})
    assert (facts.plugin_id, facts.secret, facts.host) == ("x", "fallback", "https://set")
    facts = read(text)
    assert (facts.plugin_id, facts.secret, facts.host) == (None, "fallback", "https://default")
    assert facts.variables == ("P_HOST", "P_ID", "P_SECRET")


def test_a_dotenv_file_beside_it(read: Any, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# mine\nexport A='from file'\nB=plain # comment\nC=\"quoted\"\nnonsense\n")
    text = """
        import os
        from dotenv import load_dotenv
        from ango.plugins import ModelPlugin, run
        load_dotenv()
        run(ModelPlugin(os.environ.get("A"), os.environ["B"], cb), host=os.environ["C"])
        """
    facts = read(text, {"A": "set outside"})
    assert (facts.plugin_id, facts.secret, facts.host) == ("set outside", "plain", "quoted")


def test_argparse_defaults_and_formatted_strings(read: Any) -> None:
    facts = read(
        """
        import argparse
        from ango.plugins import ModelPlugin, run
        DOMAIN = "ango.ai"
        def main():
            parser = argparse.ArgumentParser()
            parser.add_argument("-i", "--plugin-id", default="id3")
            parser.add_argument("--secret", dest="key", default="sec")
            args = parser.parse_args()
            run(ModelPlugin(id=args.plugin_id, secret=args.key, callback=cb), host=f"https://eu-api.{DOMAIN}")
        main()
        """
    )
    assert (facts.plugin_id, facts.secret, facts.host) == ("id3", "sec", "https://eu-api.ango.ai")


def test_of_several_plugins_the_one_that_is_run(read: Any) -> None:
    facts = read(
        """
        from ango.plugins import ModelPlugin, BatchModelPlugin, run
        first = ModelPlugin("a", "s1", one)
        second = BatchModelPlugin("b", "s2", two)
        run(second, host="https://h")
        """
    )
    assert (facts.plugin_id, facts.kind, facts.callback) == ("b", "batch", "two")
    assert facts.plugin_ids == ("a", "b")


def test_a_subclass_and_a_partial(read: Any) -> None:
    facts = read(
        """
        import functools
        from ango.plugins import ModelPlugin, run
        class Mine(ModelPlugin): pass
        run(Mine(id="a", secret="s", callback=functools.partial(answer, model=1)))
        """
    )
    assert (facts.plugin_id, facts.kind, facts.callback) == ("a", "model", "answer")


def test_a_script_without_run_offers_what_looks_like_a_callback(read: Any) -> None:
    facts = read("def helper(a, b): ...\ndef predict(data): ...\n")
    assert (facts.hands_over, facts.callback, facts.host, facts.plugin_id) == (False, "predict", None, None)


@pytest.mark.parametrize(
    ("value", "placeholder"),
    [
        ("<YOUR PLUGIN ID>", True),
        ("[plugin id]", True),
        ("YOUR_PLUGIN_ID", True),
        ("your-plugin-id", True),
        ("xxxx", True),
        ("...", True),
        ("64f0c9a7e1", False),
        ("mypluginid", False),
        ("my-defects", False),
        ("my-s3cret", False),
        ("my-plugin-id", True),
        ("MY_SECRET", True),
    ],
)
def test_placeholders_are_told_from_values(read: Any, value: str, placeholder: bool) -> None:
    facts = read(f"from ango.plugins import *\nrun(ModelPlugin({value!r}, 's', cb))\n")
    assert facts.placeholders == (("plugin id",) if placeholder else ())
    assert facts.plugin_id == (None if placeholder else value)


def test_what_only_running_could_tell_stays_open(read: Any) -> None:
    facts = read(
        "from ango.plugins import *\nID = fetch()\nLOOP = LOOP\nrun(ModelPlugin(ID, LOOP, cb), host=f'{ID!r}')\n"
    )
    assert (facts.plugin_id, facts.secret, facts.host, facts.placeholders) == (None, None, None, ())


@pytest.mark.parametrize("data", [b"def f(:\n", b"\x00", b"\xff\xfe", b"x = (" + b"(" * 5000])
def test_what_is_no_python(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "broken.py"
    path.write_bytes(data)
    with pytest.raises(ProfileError, match="no Python"):
        read_script(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="cannot be read"):
        read_script(tmp_path / "missing.py")
    with pytest.raises(ProfileError, match="cannot be read"):
        read_script(tmp_path)
