from __future__ import annotations

import importlib.metadata
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from bundle import third_party


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("MIT", True),
        ("BSD-3-Clause AND Apache-2.0", True),
        ("LGPL-3.0-only", True),
        ("LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only", True),
        ("GNU Lesser General Public License v3 (LGPLv3)", True),
        ("GPL-3.0-only WITH GCC-exception-3.1", True),
        ("GPL-3.0-only", False),
        ("AGPL-3.0", False),
        ("GNU General Public License v2 (GPLv2)", False),
        ("GNU Affero General Public License v3", False),
        ("MIT AND GPL-2.0-or-later", False),
    ],
)
def test_what_may_be_shipped(licence: str, allowed: bool) -> None:
    assert third_party.may_be_shipped(licence) is allowed


class Stand(importlib.metadata.Distribution):
    def __init__(self, **fields: str) -> None:
        self._message = Message()
        for name, value in {"Name": "thing", "Version": "1", **fields}.items():
            self._message[name.replace("_", "-")] = value

    @property
    def metadata(self) -> Any:
        return self._message

    def read_text(self, filename: str) -> str | None:
        return None

    def locate_file(self, path: Any) -> Any:
        return Path(path)


def test_a_part_under_the_gpl_ends_the_build() -> None:
    with pytest.raises(third_party.NotAllowed, match=r"thing is under GPL-3\.0"):
        third_party.parts([Stand(License_Expression="GPL-3.0")])


def test_a_part_without_a_licence_ends_the_build() -> None:
    with pytest.raises(third_party.NotAllowed, match="names no licence"):
        third_party.parts([Stand()])


def test_classifiers_speak_for_older_packages() -> None:
    (part,) = third_party.parts([Stand(Classifier="License :: OSI Approved :: MIT License", License="see file")])
    assert part.licence == "MIT License"


def test_everything_the_product_depends_on_may_be_shipped() -> None:
    """The product's own dependencies, followed through; not what only the tests need."""
    needed: set[str] = set()
    waiting = ["plugdeck"]
    while waiting:
        name = waiting.pop()
        for line in importlib.metadata.requires(name) or ():
            if "extra ==" in line:
                continue
            requirement = line.split(";", maxsplit=1)[0]
            other = requirement.strip().split(" ")[0].split("[")[0]
            other = other.split(">")[0].split("=")[0].split("<")[0].split("!")[0].split("~")[0].strip()
            try:
                importlib.metadata.distribution(other)
            except importlib.metadata.PackageNotFoundError:
                continue  # for another system or Python
            if other.lower() not in needed:
                needed.add(other.lower())
                waiting.append(other)
    assert {"pyside6-essentials", "numpy", "onnxruntime", "keyring"} <= needed
    listed = third_party.parts([importlib.metadata.distribution(name) for name in sorted(needed)])
    text = third_party.text(listed)
    assert "PySide6_Essentials 6.11.3: LGPL-3.0-only" in text
    assert "numpy" in text
    assert len(text) > 10_000  # the licences' own words
