"""THIRD-PARTY.txt: names, versions and licences of what the frozen app carries; refuses what may not be shipped."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

NOT_SHIPPED = frozenset(
    {
        "altgraph", "argparse-manpage", "packaging", "pip", "plugdeck", "pyinstaller", "pyinstaller-hooks-contrib",
        "setuptools", "shtab", "tomli", "wheel",
    }
)  # fmt: skip
"""In the build's environment, not in the bundle. PyInstaller's start code is: see BESIDE_PYTHON."""

CHOSEN = {
    "PySide6_Essentials": "LGPL-3.0-only",
    "shiboken6": "LGPL-3.0-only",
}
"""Of several licences offered, the one that we use them under. Qt's libraries stay files of their own, replaceable."""

BESIDE_PYTHON = (
    ("CPython", sys.version.split()[0], "PSF-2.0", "https://www.python.org"),
    ("PyInstaller's bootloader", "", "GPL-2.0-or-later WITH Bootloader-exception: may be shipped in any app", ""),
    ("Qt (in PySide6)", "", "LGPL-3.0-only", "https://www.qt.io"),
    ("ICU (in PySide6, on Linux with less data)", "", "Unicode-3.0", "https://icu.unicode.org"),
    ("OpenBLAS, libgfortran, libquadmath (in numpy)", "", "BSD-3-Clause; GPL-3.0 WITH GCC-exception-3.1; LGPL-2.1", ""),
    (
        "libxcb, libxkbcommon, zlib, libffi, OpenSSL, SQLite, krb5 (Linux)",
        "",
        "MIT, Zlib, Apache-2.0, public domain",
        "",
    ),
)

_LESSER = re.compile(r"\bLGPL|lesser general public", re.IGNORECASE)
_GENERAL = re.compile(r"\bA?GPL|(affero )?general public license", re.IGNORECASE)


class NotAllowed(Exception):
    """A licence that the product must not carry (GPL, AGPL), or none that can be read."""


@dataclass(frozen=True, slots=True)
class Part:
    """One distribution: name, version, licence, home page, licence texts."""

    name: str
    version: str
    licence: str
    home: str
    texts: tuple[str, ...]


def parts(found: Iterable[Distribution] | None = None) -> list[Part]:
    """What an environment brings into the bundle, by name.

    Raises:
        NotAllowed: a part has no licence that can be read, or one that may not be shipped.
    """
    wanted = distributions() if found is None else found
    listed = [part(item) for item in wanted if item.metadata["Name"].lower() not in NOT_SHIPPED]
    return sorted(listed, key=lambda item: item.name.lower())


def part(distribution: Distribution) -> Part:
    """One of them. Raises NotAllowed, see `parts`."""
    metadata = distribution.metadata
    name = metadata["Name"]
    licence = CHOSEN.get(name) or _licence(distribution)
    if not licence:
        raise NotAllowed(f"{name} names no licence")
    if not may_be_shipped(licence):
        raise NotAllowed(f"{name} is under {licence}, which may not be shipped")
    home = metadata.get("Home-page") or next(
        (url.split(",", 1)[1].strip() for url in metadata.get_all("Project-URL") or () if "," in url), ""
    )
    files = distribution.files or ()
    texts = [
        Path(str(distribution.locate_file(file))).read_text(encoding="utf-8", errors="replace").strip()
        for file in files
        if ".dist-info" in str(file) and re.search(r"(?i)licen[cs]e|copying|notice", file.name) and file.suffix != ".py"
    ]
    return Part(name, metadata["Version"], licence, home, tuple(texts))


def may_be_shipped(licence: str) -> bool:
    """Whether an SPDX expression, or the words of an older package, leave a choice that is neither GPL nor AGPL."""
    choices = re.split(r"\s+OR\s+", licence.strip("() "))
    return any(
        _LESSER.search(choice) or "exception" in choice.lower() or not _GENERAL.search(choice) for choice in choices
    )


def text(listed: Iterable[Part]) -> str:
    """The file."""
    listed = list(listed)
    lines = ["Plugdeck carries the following software. Each is under its own licence.", ""]
    lines += [f"{name} {version}".strip() + f": {licence}" + (f" ({home})" if home else "")
              for name, version, licence, home in BESIDE_PYTHON]  # fmt: skip
    lines += [
        f"{item.name} {item.version}: {item.licence}" + (f" ({item.home})" if item.home else "") for item in listed
    ]
    for item in listed:
        for licence in item.texts:
            lines += ["", "=" * 100, f"{item.name} {item.version}", "=" * 100, licence]
    return "\n".join(lines) + "\n"


def _licence(distribution: Distribution) -> str:
    metadata = distribution.metadata
    if expression := metadata.get("License-Expression"):
        return str(expression)
    names = [
        classifier.split("::")[-1].strip()
        for classifier in metadata.get_all("Classifier") or ()
        if classifier.startswith("License ::") and classifier.strip() != "License :: OSI Approved"
    ]
    if names:
        return " AND ".join(names)
    first = (metadata.get("License") or "").strip().splitlines()
    return first[0].strip()[:100] if first else ""


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(parts()), encoding="utf-8")
