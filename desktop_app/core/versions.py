"""What is bundled: every package the app depends on, with version and licence, as the packages themselves say."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

NAME = "plugdeck"
TEXTS = "THIRD-PARTY.txt"
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Package:
    """One package; `licence` is "" where it does not say."""

    name: str
    version: str
    licence: str
    home: str


def packages() -> list[Package]:
    """The app's dependencies and theirs, by name. Reads the packages' metadata: takes a few ten milliseconds."""
    found: dict[str, Package] = {}
    waiting = list(_required(NAME))
    while waiting:
        name = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            facts = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue  # for another system, or another Python
        found[key] = Package(str(facts["Name"]), str(facts["Version"]), _licence(facts), _home(facts))
        waiting += _required(name)
    return sorted(found.values(), key=lambda package: package.name.casefold())


def python() -> Package:
    """The bundled Python."""
    return Package("Python", platform.python_version(), "PSF-2.0", "https://www.python.org")


def licence_texts() -> Path | None:
    """The file with the words of all licences that the packaged app comes with; None where each package has its own."""
    if not getattr(sys, "frozen", False):
        return None
    here = Path(sys.executable).parent
    # Beside the program; on macOS in the app's own place for it.
    places = (here / TEXTS, here.parent / "Resources" / TEXTS)
    return next((place for place in places if place.is_file()), None)


def _required(name: str) -> Iterator[str]:
    try:
        requirements = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return
    for requirement in requirements:
        if not re.search(r";.*\bextra\b", requirement):
            match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
            if match:
                yield match[0]


def _licence(facts: metadata.PackageMetadata) -> str:
    expression = _first(facts, "License-Expression")
    if expression:
        return expression
    classes = [c.rpartition(" :: ")[2] for c in facts.get_all("Classifier") or [] if c.startswith("License ::")]
    text = _first(facts, "License").strip()
    # Some put the whole text there.
    if text and "\n" not in text and len(text) <= _LONGEST:
        return text
    return ", ".join(name for name in classes if name != "OSI Approved")


def _home(facts: metadata.PackageMetadata) -> str:
    for entry in facts.get_all("Project-URL") or []:
        label, _, address = entry.partition(",")
        if label.strip().lower() in ("homepage", "home", "source", "source code", "repository", "documentation"):
            return str(address.strip())
    return _first(facts, "Home-page")


def _first(facts: metadata.PackageMetadata, name: str) -> str:
    return next(iter(str(value) for value in facts.get_all(name) or ()), "")
