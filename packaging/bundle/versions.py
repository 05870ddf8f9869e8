"""Name, version and identity of the frozen app, in the form each platform wants."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parent.parent.parent
IDENTIFIER = "io.plugdeck.Plugdeck"
PUBLISHER = "The Plugdeck developers"
SUMMARY = "Host your own models as Ango Hub plugins"


def _version() -> str:
    text = (TOP / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^version = "([^"]+)"', text, re.MULTILINE)
    if found is None:
        raise ValueError("pyproject.toml names no version")
    return found.group(1)


VERSION = _version()


def numbers(version: str = VERSION) -> tuple[int, int, int, int]:
    """A version as Windows wants it: four numbers; what follows them (`rc1`, `.dev3`) is left out."""
    release = re.match(r"[0-9]+(\.[0-9]+)*", version)
    found = [int(part) for part in release.group().split(".")] if release else []
    first, second, third, fourth, *_ = [*found, 0, 0, 0, 0]
    return first, second, third, fourth


def windows_text(executable: str, version: str = VERSION) -> str:
    """The version resource of a Windows executable, in PyInstaller's notation."""
    values = {
        "CompanyName": PUBLISHER,
        "FileDescription": "Plugdeck" if executable.endswith("window") else "Plugdeck (command line)",
        "FileVersion": version,
        "InternalName": executable,
        "LegalCopyright": f"© {PUBLISHER}. MIT licence.",
        "OriginalFilename": f"{executable}.exe",
        "ProductName": "Plugdeck",
        "ProductVersion": version,
    }
    strings = ", ".join(f"StringStruct({name!r}, {value!r})" for name, value in values.items())
    return (
        f"VSVersionInfo(ffi=FixedFileInfo(filevers={numbers(version)}, prodvers={numbers(version)}, mask=0x3F, flags=0,"
        " OS=0x40004, fileType=1, subtype=0, date=(0, 0)),"
        f" kids=[StringFileInfo([StringTable('040904B0', [{strings}])]),"
        " VarFileInfo([VarStruct('Translation', [1033, 1200])])])\n"
    )


def windows_file(executable: str) -> str:
    """A file with `windows_text`."""
    path = Path(tempfile.mkdtemp()) / f"{executable}.version.txt"
    path.write_text(windows_text(executable), encoding="utf-8")
    return str(path)


def info_plist() -> dict[str, Any]:
    """What macOS asks to know beyond name and version."""
    return {
        "CFBundleDisplayName": "Plugdeck",
        "CFBundleExecutable": "plugdeck-window",
        "CFBundleShortVersionString": VERSION,
        "LSApplicationCategoryType": "public.app-category.developer-tools",
        "LSMinimumSystemVersion": "13.0",  # what PySide6 6.11 asks for
        "NSHighResolutionCapable": True,
        "NSHumanReadableCopyright": f"© {PUBLISHER}. MIT licence.",
        "CFBundleDocumentTypes": [
            {
                "CFBundleTypeName": "Plugdeck profile",
                "CFBundleTypeRole": "Editor",
                "LSHandlerRank": "Owner",
                "LSItemContentTypes": [f"{IDENTIFIER}.profile"],
            },
            {
                "CFBundleTypeName": "ONNX model",
                "CFBundleTypeRole": "Viewer",
                "LSHandlerRank": "Alternate",
                "LSItemContentTypes": [f"{IDENTIFIER}.onnx"],
            },
        ],
        "UTExportedTypeDeclarations": [_type("profile", "Plugdeck profile", "plugdeck", "public.json")],
        "UTImportedTypeDeclarations": [_type("onnx", "ONNX model", "onnx", "public.data")],
    }


def _type(name: str, description: str, extension: str, conforms: str) -> dict[str, Any]:
    return {
        "UTTypeIdentifier": f"{IDENTIFIER}.{name}",
        "UTTypeDescription": description,
        "UTTypeConformsTo": [conforms],
        "UTTypeTagSpecification": {"public.filename-extension": [extension]},
    }
