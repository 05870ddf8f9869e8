"""What a child inherits: the environment without our own variables and without secrets (architecture, decisions)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping

HELD = "held-by-plugdeck"
"""What a script finds where it looks for its secret; it needs none, for the host has the connection."""
SILENT = {"ORT_DISABLE_TELEMETRY": "1"}
"""onnxruntime 1.32 reports its use to its maker unless this is set before it is imported; Plugdeck tells nobody."""
_SHORT_SECRET = 8
"""Secrets shorter than this only match a whole value: they could be part of any word."""


def child_environment(
    own: Mapping[str, str],
    *,
    extra: Mapping[str, str] | None = None,
    secrets: Iterable[str] = (),
    read: Iterable[str] = (),
    frozen: bool | None = None,
) -> dict[str, str]:
    """The environment for a worker.

    Args:
        own: this process's environment.
        extra: the profile's own variables; they win, and may hold what the user likes.
        secrets: values that must not travel.
        read: variables that a script looks up: one that holds a secret is not missing there, but holds something else.
        frozen: whether we run from a bundle; None asks the interpreter.
    """
    frozen = bool(getattr(sys, "frozen", False)) if frozen is None else frozen
    hidden = [secret for secret in secrets if secret]
    environment = {
        name: value
        for name, value in own.items()
        if not name.upper().startswith("PLUGDECK_") and not _holds(value, hidden)
    }
    # Set by the launcher of a framework build for itself: another interpreter would take it for its own address.
    environment.pop("__PYVENV_LAUNCHER__", None)
    for name in read:
        if name in own and name not in environment and not name.upper().startswith("PLUGDECK_"):
            environment[name] = HELD
    if frozen:
        _undo_bundle(environment, own)
    for name, value in SILENT.items():
        environment.setdefault(name, value)
    environment.update(extra or {})
    return environment


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text with every known secret masked."""
    for secret in secrets:
        if len(secret) >= 4 and secret in text:
            text = text.replace(secret, "•••")
    return text


def _holds(value: str, secrets: list[str]) -> bool:
    return any(secret in value if len(secret) >= _SHORT_SECRET else secret == value for secret in secrets)


def _undo_bundle(environment: dict[str, str], own: Mapping[str, str]) -> None:
    """The bundle's start-up code points the loader at our libraries, which breaks a user's interpreter."""
    for name in ("LD_LIBRARY_PATH", "LIBPATH", "DYLD_LIBRARY_PATH"):
        original = own.get(name + "_ORIG")
        environment.pop(name + "_ORIG", None)
        environment.pop(name, None)
        if original is not None:
            environment[name] = original
    for name in [name for name in environment if name.startswith("_PYI_") or name == "_MEIPASS2"]:
        del environment[name]


def process_environment() -> dict[str, str]:
    """This process's environment as it is now."""
    return dict(os.environ)
