"""Scripts as people have them, run as `__main__` in a child."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from desktop_app.child import wire


def test_a_script_is_main_with_its_folder_arguments_and_directory(make_child: Any) -> None:
    child = make_child(
        {
            "plugin.py": """
                import os, sys, helper
                from ango.plugins import ModelPlugin, run
                SEEN = {
                    "name": __name__, "file": __file__, "argv": sys.argv, "path": sys.path[0], "cwd": os.getcwd(),
                    "helper": helper.VALUE, "data": open("data.txt").read(), "main": sys.modules["__main__"].__file__,
                    "builtins": len([1]), "spec": __spec__ is None,
                }
                def callback(**data):
                    return {"objects": [], "seen": SEEN}
                if __name__ == "__main__":
                    run(ModelPlugin(id="p", secret="s", callback=callback))
            """,
            "helper.py": "VALUE = 42\n",
            "data.txt": "beside",
        },
        source={"arguments": ["--model", "a b"]},
    )
    info = child.loaded()
    assert (info["callback"], info["kind"], info["call"], info["plugin_id"]) == ("callback", "model", "keywords", "p")
    seen = child.returned()["seen"]
    script = seen["file"]
    folder = script.removesuffix("/plugin.py")
    assert seen == {
        "name": "__main__",
        "file": script,
        "argv": [script, "--model", "a b"],
        "path": folder,
        "cwd": folder,
        "helper": 42,
        "data": "beside",
        "main": script,
        "builtins": 1,
        "spec": True,
    }
    assert child.stop() == 0


def test_nothing_of_ours_stands_in_for_the_scripts_own_modules(make_child: Any) -> None:
    names = [path.stem for path in Path(wire.__file__).parent.glob("*.py") if path.stem != "__init__"]
    names += ["models", "compat", "desktop_app"]
    files = {
        "plugin.py": f"import {', '.join(names)}\n"
        f"MINE = [module.MINE for module in ({', '.join(names)})]\n"
        "from ango.plugins import ModelPlugin, run\n"
        "run(ModelPlugin('p', 's', lambda data: {'objects': MINE}))\n"
    }
    child = make_child(files | {f"{name}.py": f"MINE = {name!r}\n" for name in names})
    child.loaded()
    assert child.returned() == {"objects": names}


def test_modules_of_ours_are_not_importable_under_their_plain_names(make_child: Any) -> None:
    child = make_child(
        """
        import importlib.util
        from ango.plugins import ModelPlugin, run
        FOUND = [n for n in ("wire", "serve", "boot", "script", "masks", "http_calls") if importlib.util.find_spec(n)]
        run(ModelPlugin("p", "s", lambda data: {"objects": FOUND}))
        """
    )
    child.loaded()
    assert child.returned() == {"objects": []}


def test_relative_imports(make_child: Any) -> None:
    body = """
        from .helpers import VALUE
        from ..shared import MORE
        from ango.plugins import ModelPlugin, run
        run(ModelPlugin("p", "s", lambda data: {"objects": [VALUE, MORE, __package__]}))
    """
    packaged = make_child(
        {
            "top/inner/plugin.py": body,
            "top/inner/helpers.py": "VALUE = 1\n",
            "top/shared.py": "MORE = 2\n",
            "top/__init__.py": "",
            "top/inner/__init__.py": "",
        }
    )
    packaged.loaded()
    assert packaged.returned() == {"objects": [1, 2, "top.inner"]}
    plain = make_child(
        {
            "folder/plugin.py": """
                from .helpers import VALUE
                from ango.plugins import ModelPlugin, run
                run(ModelPlugin("p", "s", lambda data: {"objects": [VALUE]}))
            """,
            "folder/helpers.py": "VALUE = 1\n",
        }
    )
    plain.loaded()
    assert plain.returned() == {"objects": [1]}


def test_run_elsewhere_than_under_the_main_guard(make_child: Any) -> None:
    child = make_child(
        {
            "plugin.py": "import app\napp.main()\n",
            "app.py": """
                import argparse, os
                from imerit_ango import plugins
                def main():
                    parser = argparse.ArgumentParser()
                    parser.add_argument("--size", type=int, default=640)
                    args = parser.parse_args()
                    secret = os.environ.get("NOPE", "s")
                    plugin = plugins.ModelPlugin("p", secret, lambda data: {"objects": [args.size]})
                    plugins.run(plugin, "http://h")
            """,
        },
        source={"arguments": ["--size", "32"]},
    )
    assert child.loaded()["call"] == "data"
    assert child.returned() == {"objects": [32]}


def test_a_named_callback_needs_no_run(make_child: Any) -> None:
    text = "class Model:\n    def predict(self, data):\n        return {'objects': ['m']}\nmodel = Model()\n"
    child = make_child(text + "def predict(data):\n    return {'objects': ['f']}\n", source={"callback": "predict"})
    assert child.loaded()["plugin_id"] is None
    assert child.returned() == {"objects": ["f"]}
    child = make_child(text, source={"callback": "model.predict"})
    child.loaded()
    assert child.returned() == {"objects": ["m"]}
    child = make_child(text, source={"callback": "nothing"})
    assert child.failed()["what"] == "the script has no function named nothing"


def test_of_several_plugins_the_one_with_our_id_is_served(make_child: Any) -> None:
    def text(ids: str, tail: str) -> str:
        return f"""
import threading, multiprocessing
from ango.plugins import ModelPlugin, run
plugins = [ModelPlugin(id=i, secret="s", callback=lambda data, i=i: {{"objects": [i]}}) for i in {ids}]
{tail}
"""

    threads = "for p in plugins: threading.Thread(target=run, args=(p,)).start()\n"
    child = make_child(text('("a", "b", "p")', threads))
    assert child.loaded()["plugin_id"] == "p"
    assert child.returned() == {"objects": ["p"]}
    assert child.stop() == 0
    child = make_child(text('("a", "b")', threads))
    assert child.loaded()["plugin_id"] == "a"
    if sys.platform == "linux":
        processes = (
            "multiprocessing.set_start_method('fork')\n"
            "ps = [multiprocessing.Process(target=run, args=(p,)) for p in plugins]\n"
            "[p.start() for p in ps]\n[p.join() for p in ps]\n"
        )
        child = make_child(text('("a", "p")', processes))
        assert child.loaded()["plugin_id"] == "p"
        assert child.returned() == {"objects": ["p"]}
    child = make_child(text('("a", "b")', ""))
    failure = child.failed()
    assert failure["what"] == "the script builds 2 plugins and none has this profile's id (a, b)"
    child = make_child(text('("a",)', "run(plugins[0])"))
    assert child.loaded()["plugin_id"] == "a", "one plugin is served whatever its id"


@pytest.mark.parametrize(
    ("constructor", "kind"),
    [
        ("ModelPlugin(PLUGIN_ID, PLUGIN_SECRET, callback, 'http://h', 4)", "model"),
        ("ModelPlugin(id='p', secret='s', callback=callback, host='http://h', concurrency=4)", "model"),
        ("BatchModelPlugin('p', 's', callback)", "batch"),
        ("InputPlugin(id='p', secret='s', callback=callback)", "input"),
        ("MarkdownPlugin('p', 's', callback)", "markdown"),
        ("ExportPlugin(id='p', secret='s', callback=callback, host='http://h', version='v3')", "export"),
        ("FileExplorerPlugin('p', 's', callback)", "file-explorer"),
    ],
)
@pytest.mark.parametrize("module", ["ango", "imerit_ango"])
def test_every_kind_can_be_built(make_child: Any, module: str, constructor: str, kind: str) -> None:
    child = make_child(
        f"""
        from {module}.plugins import *
        from {module}.plugins import ExportResponse, ModelPlugin, run
        PLUGIN_ID, PLUGIN_SECRET = "p", "s"
        def callback(**data):
            return "text"
        plugin = {constructor}
        assert plugin.id == "p" and plugin.callback is callback
        run(plugin, host="http://other")
        """
    )
    info = child.loaded()
    assert info["kind"] == kind
    assert info["concurrency"] == (4 if "4" in constructor else 1)


def test_a_class_of_the_scripts_own(make_child: Any) -> None:
    child = make_child(
        """
        from imerit_ango.plugins import ModelPlugin, run
        class Mine(ModelPlugin):
            def __init__(self, **kwargs):
                super().__init__(id="p", secret="s", callback=self.answer, **kwargs)
                self.seen = 0
            def answer(self, data):
                self.seen += 1
                return {"objects": [self.seen]}
        run(Mine(host="http://h"))
        """
    )
    child.loaded()
    child.returned()
    assert child.returned() == {"objects": [2]}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing_inside_a_callback(make_child: Any, method: str) -> None:
    child = make_child(
        f"""
        import multiprocessing
        from ango.plugins import ModelPlugin, run
        def double(x):
            print("worker", x)
            return 2 * x
        def callback(**data):
            with multiprocessing.get_context({method!r}).Pool(2) as pool:
                return {{"objects": pool.map(double, [1, 2, 3])}}
        if __name__ == "__main__":
            run(ModelPlugin("p", "s", callback))
        """
    )
    child.loaded()
    assert child.returned() == {"objects": [2, 4, 6]}
    assert "".join(child.printed()).count("worker") == 3


def test_what_python_code_expects_of_main(make_child: Any) -> None:
    child = make_child(
        """
        from __future__ import annotations
        import dataclasses, inspect, pickle, typing
        from ango.plugins import ModelPlugin, run
        @dataclasses.dataclass
        class Box:
            x: int
            y: typing.Optional[Box] = None
        def callback(data):
            assert pickle.loads(pickle.dumps(Box(1))) == Box(1)
            assert "assert pickle" in inspect.getsource(callback)
            assert typing.get_type_hints(Box)["x"] is int
            return {"objects": [Box(1, Box(2))]}
        run(ModelPlugin("p", "s", callback))
        """
    )
    child.loaded()
    assert child.returned() == {"objects": [{"x": 1, "y": {"x": 2, "y": None}}]}


def test_the_working_directory_may_be_another(make_child: Any, tmp_path: Any) -> None:
    child = make_child(
        "import os\ndef callback(data): return {'objects': [os.getcwd()]}\n",
        source={"callback": "callback", "working_directory": str(tmp_path)},
    )
    child.loaded()
    assert child.returned() == {"objects": [str(tmp_path)]}
    child = make_child(
        "def callback(data): pass\n", source={"callback": "callback", "working_directory": str(tmp_path / "gone")}
    )
    assert "working directory" in child.failed()["what"]


def test_exit_handlers_run_when_the_host_says_stop(make_child: Any) -> None:
    child = make_child(
        """
        import atexit
        from ango.plugins import ModelPlugin, run
        atexit.register(print, "exit handler")
        try:
            run(ModelPlugin("p", "s", lambda data: {"objects": []}))
        finally:
            print("finally")
        """
    )
    child.loaded()
    child.returned()
    assert child.stop() == 0
    assert child.printed() == ["finally", "exit handler"]


def test_an_old_encoding_and_a_byte_order_mark(make_child: Any, tmp_path: Any) -> None:
    for data in ("# -*- coding: latin-1 -*-\nX = 'ü'\n".encode("latin-1"), b"\xef\xbb\xbfX = '\xc3\xbc'\n"):
        child = make_child(
            {"plugin.py": "", "other.txt": ""}, source={"script": str(tmp_path / "s.py"), "callback": "f"}
        )
        child.close()
        (tmp_path / "s.py").write_bytes(data + b"def f(data): return {'objects': [X]}\n")
        child = make_child("", source={"script": str(tmp_path / "s.py"), "callback": "f"})
        child.loaded()
        assert child.returned() == {"objects": ["ü"]}
