"""Makes `ango` and `imerit_ango` importable, and their `plugins` ours.

Where the interpreter has the published package, its own SDK and model classes are used; only the modules that would
connect to a hub are replaced. Where it has not, everything comes from the `compat` folder.
"""

from __future__ import annotations

import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any, Optional, Sequence

OUR_PACKAGE = "plugdeck_child"
ROOTS = ("ango", "imerit_ango")
OURS_ALWAYS = ("plugins", "plugin_logger")


class Finder(MetaPathFinder):
    """Finds our modules in front of, or in place of, the published ones.

    Args:
        compat: the folder that holds ours.
        sealed: write no compiled files into it.
    """

    def __init__(self, compat: str, sealed: bool) -> None:
        self._compat = compat
        self._loader = _Sealed if sealed else SourceFileLoader

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        root, _, rest = fullname.partition(".")
        if root == OUR_PACKAGE and self._loader is _Sealed and rest:
            return self._spec(fullname, os.path.join(os.path.dirname(self._compat), *rest.split(".")))
        if root not in ROOTS:
            return None
        ours = os.path.join(self._compat, *fullname.split("."))
        if rest in OURS_ALWAYS or path is not None and list(path) == [os.path.dirname(ours)]:
            return self._spec(fullname, ours)
        if not rest and not self._installed(root):
            return self._spec(fullname, ours)
        return None

    def _spec(self, fullname: str, path: str) -> Optional[ModuleSpec]:
        folder = [path] if os.path.isdir(path) else None
        file = os.path.join(path, "__init__.py") if folder else path + ".py"
        if not os.path.isfile(file):
            return None
        loader = self._loader(fullname, file)
        return spec_from_file_location(fullname, file, loader=loader, submodule_search_locations=folder)

    def _installed(self, root: str) -> bool:
        """Whether the published package is there; a script that happens to be named `ango.py` is not it."""
        spec = PathFinder.find_spec(root, [entry for entry in sys.path if entry != self._compat])
        if spec is None or not spec.submodule_search_locations:
            return False
        return any(os.path.isfile(os.path.join(folder, "sdk.py")) for folder in spec.submodule_search_locations)


class _Sealed(SourceFileLoader):
    """Loads modules as ever and writes nothing."""

    def set_data(self, path: str, data: Any, *, _mode: int = 0) -> None:
        pass


def install(compat: str, sealed: bool = False) -> None:
    """Puts the finder in front of all others."""
    sys.meta_path.insert(0, Finder(compat, sealed))
