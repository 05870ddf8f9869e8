"""Settles a habit of Qt's Python bindings that costs time and memory."""

from __future__ import annotations

import sys
from types import ModuleType


def read_no_sources() -> None:
    """Keeps the bindings from reading the source text of every module that is imported from now on.

    They look for the word PySide6 in it, to know where names may be switched to snake_case (`from __feature__ import
    …`), which nothing here does; and they never let go of the texts: 8 MB, and a tenth of the window's start.
    """
    feature = sys.modules.get("shibokensupport.feature")
    if feature is not None and "_mod_uses_pyside" in vars(feature):
        vars(feature)["_mod_uses_pyside"] = _is_ours


def _is_ours(module: ModuleType) -> bool:
    return module.__name__.startswith("desktop_app.")
