"""The families of vision models, found by themselves: every subclass of `Family` in a module of this package."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache

from desktop_app.worker.onnx.families.base import Family


@cache
def all_families() -> tuple[Family, ...]:
    """One of each, in the order they are asked."""
    found: dict[str, Family] = {}
    for module in pkgutil.iter_modules(__path__):
        code = importlib.import_module(f"{__name__}.{module.name}")
        for _, kind in inspect.getmembers(code, inspect.isclass):
            if issubclass(kind, Family) and not inspect.isabstract(kind) and kind.__module__ == code.__name__:
                if kind.name in found:
                    raise RuntimeError(f"two families are called {kind.name}")
                found[kind.name] = kind()
    return tuple(sorted(found.values(), key=lambda family: (family.order, family.name)))


def family(name: str) -> Family | None:
    """The family of that name."""
    return next((item for item in all_families() if item.name == name), None)
