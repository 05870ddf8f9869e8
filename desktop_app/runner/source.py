"""Python source to a syntax tree, from any thread."""

from __future__ import annotations

import ast
import threading

_ONE_AT_A_TIME = threading.Lock()
_TRIES = 20


def parse_source(source: bytes, name: str = "<unknown>") -> ast.Module:
    """The syntax tree of a script.

    CPython 3.11 counts the depth of a tree in one place for all threads, so that two that build one at the same time
    can each end in a SystemError (cpython issue 106905). Ours take turns; others in the process, such as a test
    runner that rewrites assertions, do not, so an attempt that met one is made again.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it is no Python that can be read.
    """
    with _ONE_AT_A_TIME:
        for _ in range(_TRIES - 1):
            try:
                return ast.parse(source, name)
            except SystemError:
                continue
        try:
            return ast.parse(source, name)
        except SystemError as error:
            raise ValueError(str(error)) from error
