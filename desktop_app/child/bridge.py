"""Makes `ango` and `imerit_ango` importable, and their `plugins` ours.

Where the interpreter has the published package, its own SDK and model classes are used; only the modules that would
connect to a hub are replaced. Where it has not, everything comes from the `compat` folder.
"""

from __future__ import annotations

import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Optional, Sequence

ROOTS = ("ango", "imerit_ango")
OURS_ALWAYS = ("plugins", "plugin_logger")


class Finder(MetaPathFinder):
    """Finds our modules in front of, or in place of, the published ones.

    Args:
        compat: the folder that holds ours.
    """

    def __init__(self, compat: str) -> None:
        self._compat = compat

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        root, _, rest = fullname.partition(".")
        if root not in ROOTS:
            return None
        if rest in OURS_ALWAYS:
            return spec_from_file_location(fullname, os.path.join(self._compat, root, rest + ".py"))
        if not rest and not self._installed(root):
            folder = os.path.join(self._compat, root)
            init = os.path.join(folder, "__init__.py")
            return spec_from_file_location(fullname, init, submodule_search_locations=[folder])
        return None

    def _installed(self, root: str) -> bool:
        """Whether the published package is there; a script that happens to be named `ango.py` is not it."""
        spec = PathFinder.find_spec(root, [entry for entry in sys.path if entry != self._compat])
        if spec is None or not spec.submodule_search_locations:
            return False
        return any(os.path.isfile(os.path.join(folder, "sdk.py")) for folder in spec.submodule_search_locations)


def install(compat: str) -> None:
    """Puts the finder in front of all others."""
    sys.meta_path.insert(0, Finder(compat))
