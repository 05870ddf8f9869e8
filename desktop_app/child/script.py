"""A plugin script in this process: it runs as `__main__`, and the plugin it hands to `run()` answers the jobs."""

from __future__ import annotations

import ast
import os
import platform
import sys
import threading
import types
from typing import Any, Callable, Dict, List, Optional

from . import plugins
from .callback import Callback
from .serve import Failure, Server
from .trouble import Places, script_failure
from .wire import Frame


class Script:
    """Runs a script and serves the callback it offers.

    Args:
        server: this process as a worker.
        frame: the load frame: `source` (`script`, `callback`, `arguments`, `working_directory`), `plugin_id`, `host`.
    """

    def __init__(self, server: Server, frame: Frame) -> None:
        source = frame["source"]
        self.path = os.path.abspath(source["script"])
        self._server = server
        self._callback_name: Optional[str] = source.get("callback") or None
        self._arguments: List[str] = list(source.get("arguments") or ())
        self._directory: str = source.get("working_directory") or os.path.dirname(self.path)
        self._plugin_id = str(frame.get("plugin_id") or "")
        self._host = str(frame.get("host") or "")
        self._places = Places(self.path)
        self._module = types.ModuleType("__main__")
        self._main_thread = threading.get_ident()
        self._choosing = threading.Lock()
        self._offered: List[Any] = []
        self._chosen = threading.Event()

    def run(self) -> None:
        """Runs the script until the host says stop.

        Raises:
            Failure: the script cannot be started, or offers no callback.
        """
        plugins.hand_over = self._handed_over
        code = self._compiled()
        self._prepare(code)
        try:
            exec(code, self._module.__dict__)  # noqa: S102 - running the user's script is the point
        except Failure:
            raise
        except BaseException as error:
            if self._chosen.is_set():
                while self._server.serving:  # a signal handler raised in the last moment; jobs go on
                    self._server.wait()
                return
            raise script_failure(error, self._places, "the script") from None
        self._script_ended()

    def _compiled(self) -> types.CodeType:
        try:
            with open(self.path, "rb") as file:
                text = file.read()
        except OSError as error:
            raise Failure("the script cannot be read: %s" % error.strerror, self.path) from None
        try:
            compiled: types.CodeType = compile(text, self.path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            raise script_failure(error, self._places, "the script") from None
        return compiled

    def _prepare(self, code: types.CodeType) -> None:
        folder = os.path.dirname(self.path)
        try:
            os.chdir(self._directory)
        except OSError as error:
            raise Failure("the working directory cannot be entered: %s" % error.strerror, self._directory) from None
        sys.argv = [self.path, *self._arguments]
        sys.path.insert(0, folder)
        module = self._module
        module.__dict__.update(
            __file__=self.path, __builtins__=__builtins__, __cached__=None, __spec__=None, __package__=None
        )
        if self._imports_relatively():
            module.__package__ = self._package()
        sys.modules["__main__"] = module

    def _imports_relatively(self) -> bool:
        with open(self.path, "rb") as file:
            tree = ast.parse(file.read())
        return any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(tree))

    def _package(self) -> str:
        """The package a script with `from .x import y` belongs to; its top goes on the path."""
        folder = os.path.dirname(self.path)
        names = [os.path.basename(folder)]
        while os.path.exists(os.path.join(folder, "__init__.py")):
            folder = os.path.dirname(folder)
            if not os.path.exists(os.path.join(folder, "__init__.py")):
                break
            names.insert(0, os.path.basename(folder))
        else:
            folder = os.path.dirname(folder)
        if folder not in sys.path:
            sys.path.append(folder)
        return ".".join(names)

    def _handed_over(self, plugin: Any, host: Optional[str]) -> None:
        """What the script's `run()` does."""
        if os.getpid() != self._server.pid:
            raise RuntimeError(
                "run() works only in the process that Plugdeck started, not in one that the script forked"
            )
        in_main = threading.get_ident() == self._main_thread
        if not in_main and not self._is_ours(plugin):
            # One of several plugins in threads: perhaps the one we are for comes yet.
            self._offered.append((plugin, host))
            threading.Event().wait()
        self._serve(plugin, host, in_main)

    def _script_ended(self) -> None:
        """The script came to its end without `run()` in its main thread."""
        ours = [plugin for plugin in plugins.built if self._is_ours(plugin)]
        if self._callback_name is not None or ours:
            self._serve(ours[0] if ours else None, None, True)
            return
        others = [
            thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()
        ]
        while others and not self._offered and not self._chosen.is_set():
            others[0].join(0.05)
            others = [thread for thread in others if thread.is_alive()]
        if self._chosen.is_set():
            self._wait_for_the_end(True)
        if self._offered:
            self._serve(self._offered[0][0], self._offered[0][1], True)
        elif len(plugins.built) == 1:
            self._serve(plugins.built[0], None, True)
        else:
            raise self._no_callback()

    def _no_callback(self) -> Failure:
        if plugins.built:
            ids = ", ".join(str(plugin.id) for plugin in plugins.built)
            what = "the script builds %d plugins and none has this profile's id (%s)" % (len(plugins.built), ids)
        else:
            what = "the script ended without handing a plugin to run()"
        remedy = "Call run(plugin) at its end, or name the callback function in the profile."
        return Failure(what, os.path.basename(self.path), remedy)

    def _is_ours(self, plugin: Any) -> bool:
        return bool(self._plugin_id) and str(getattr(plugin, "id", "")) == self._plugin_id

    def _serve(self, plugin: Any, host: Optional[str], in_main: bool) -> None:
        with self._choosing:
            first = not self._chosen.is_set()
            self._chosen.set()
        if not first:
            self._wait_for_the_end(in_main)
            return
        if plugin is not None and not getattr(plugin, "host", None):
            plugin.host = host or self._host
        function = self._function(plugin)
        kind = getattr(plugin, "kind", "model")
        base = getattr(plugin, "host", None) or self._host
        exporter = None
        if kind == "export":
            from .exporting import Exporter

            exporter = Exporter(plugin, base, _client())
        callback = Callback(
            function,
            kind,
            self._places,
            self._log,
            prefer_keywords=_old_import(),
            host=base,
            exporter=exporter,
        )
        info: Dict[str, Any] = {
            "model": "callback",
            "kind": kind,
            "callback": callback.name,
            "call": "keywords" if callback.by_keywords else "data",
            "concurrency": getattr(plugin, "concurrency", 1),
            "plugin_id": None if plugin is None else str(getattr(plugin, "id", "")),
            "host": host,
            "python": platform.python_version(),
            "interpreter": sys.executable,
            "client": _client(),
            "files": self._own_files(),
        }
        self._server.serve(info, callback.answer, interruptible=True)
        if in_main:
            raise SystemExit(0)
        self._server.end()

    def _wait_for_the_end(self, in_main: bool) -> None:
        """Another thread serves: `run()` of this one must not come back, as it never did."""
        if in_main:
            self._server.wait()
            raise SystemExit(0)
        threading.Event().wait()

    def _function(self, plugin: Any) -> Callable[..., Any]:
        if self._callback_name is None:
            function: Any = getattr(plugin, "callback", None)
            if not callable(function):
                what = "the plugin handed to run() has no callback that can be called"
                raise Failure(what, os.path.basename(self.path))
            return function  # type: ignore[no-any-return]
        value: Any = self._module
        for name in self._callback_name.split("."):
            value = getattr(value, name, None)
        if not callable(value):
            near = sorted(name for name, item in vars(self._module).items() if isinstance(item, types.FunctionType))
            raise Failure(
                "the script has no function named %s" % self._callback_name,
                os.path.basename(self.path),
                "Its functions are: %s." % ", ".join(near) if near else "",
            )
        return value  # type: ignore[no-any-return]

    def _own_files(self) -> List[str]:
        """The script and its own modules that are loaded, for whoever watches them."""
        files = {self.path}
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and file.startswith(os.path.join(self._places.folder, "")):
                if self._places.own(file):
                    files.add(os.path.abspath(file))
        return sorted(files)

    def _log(self, job_id: int, level: str, message: str, extra: Dict[str, Any], trace: str) -> None:
        self._server.log(level, message, job_id, extra, trace)


def _old_import() -> bool:
    """Whether the script imports the client under its documented name, whose callbacks take keywords."""
    return "ango.plugins" in sys.modules


def _client() -> Optional[str]:
    """The published client's version in this interpreter, or None."""
    try:
        from importlib import metadata
    except ImportError:
        return None
    for name in ("imerit-ango", "ango"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None
