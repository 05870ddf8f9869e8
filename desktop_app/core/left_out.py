"""Imports without packages that a library takes up where they are there, and that nothing here asks of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_out(*names: str) -> Iterator[None]:
    """Inside it, these packages cannot be imported, as if they were not installed; those already loaded can.

    Only for the import of a library that says what it does without them. Other threads see the same meanwhile.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
