from __future__ import annotations

import plistlib

import pytest
from bundle import versions

from desktop_app import __version__


def test_the_bundle_has_the_products_version() -> None:
    assert __version__ == versions.VERSION


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("0.1.0", (0, 1, 0, 0)), ("1.2", (1, 2, 0, 0)), ("2.0.0rc1", (2, 0, 0, 0)), ("1.2.3.dev4", (1, 2, 3, 0))],
)
def test_windows_wants_four_numbers(version: str, numbers: tuple[int, ...]) -> None:
    assert versions.numbers(version) == numbers


def test_the_version_resource_names_each_executable() -> None:
    window, command = versions.windows_text("plugdeck-window"), versions.windows_text("plugdeck")
    assert "'plugdeck-window.exe'" in window
    assert "(command line)" in command
    assert f"'{__version__}'" in command


def test_the_property_list_can_be_written_and_claims_profiles() -> None:
    told = plistlib.loads(plistlib.dumps(versions.info_plist()))
    assert told["CFBundleExecutable"] == "plugdeck-window"
    owned = told["CFBundleDocumentTypes"][0]
    exported = told["UTExportedTypeDeclarations"][0]
    assert owned["LSHandlerRank"] == "Owner"
    assert owned["LSItemContentTypes"] == [exported["UTTypeIdentifier"]]
    assert exported["UTTypeTagSpecification"]["public.filename-extension"] == ["plugdeck"]
