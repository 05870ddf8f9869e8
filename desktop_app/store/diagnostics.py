"""One file to send to who helps: everything they ask for first, and nothing secret."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from desktop_app.core.errors import StoreError
from desktop_app.store.paths import FILE_MODE
from desktop_app.store.redact import hide

_INTRO = """This file was made by Plugdeck for who helps you. It holds versions, settings, plugins without their
secrets, the last log lines, reports of the app's own failures and what the doctor found. Secrets, API keys and the
signed parts of addresses were taken out; names of plugins, files and assets are in it. Look at it before you send it.
"""


def write_diagnostics(target: Path, parts: Mapping[str, str], secrets: Iterable[str]) -> Path:
    """Writes a zip of texts, each without what is secret.

    Args:
        parts: name in the zip -> text.
        secrets: values that are taken out wherever they stand.

    Raises:
        StoreError: it cannot be written.
    """
    known = tuple(secrets)
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
        with os.fdopen(descriptor, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
            for name, text in {"README.txt": _INTRO, **parts}.items():
                made.writestr(f"plugdeck-diagnostics/{name}", hide(text, known))
    except OSError as error:
        raise StoreError(
            f"The diagnostics could not be written: {error.strerror or error}",
            where=str(target),
            remedy="Choose another place, or free some space.",
        ) from error
    return target
