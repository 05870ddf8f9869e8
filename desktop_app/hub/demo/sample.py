"""The sample project: its label categories, its assets and their tasks."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from desktop_app.hub.demo.state import STAGES, Asset, JsonObject, Task

NOTE_NAME = "inspection-note.txt"
NOTE_TEXT = (
    "Inspection note, tray 7\n\n"
    "Supplier Northfield delivered 240 bolts M8 and 240 nuts M8 on Tuesday.\n"
    "Three washers were scratched; Mara Lindqvist set them aside.\n"
)

# Every kind of asset the hub takes (facts: annotation-format, Asset kinds).
_SUFFIXES = frozenset(
    {".mp3", ".wav", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".mp4", ".ogg", ".webm", ".mov"}
    | {".txt", ".md", ".pdf", ".dcm", ".nrrd"}
)
_MEDIA_TYPES = {".dcm": "application/dicom", ".nrrd": "application/octet-stream", ".md": "text/markdown"}


def make_id(*parts: str, length: int = 24) -> str:
    """A hexadecimal id in the hub's manner that is the same for the same words on every start."""
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:length]


def _category(tool: str, title: str, color: str, **more: Any) -> JsonObject:
    return {
        "schemaId": make_id("category", tool, title, length=23),
        "title": title,
        "tool": tool,
        "color": color,
        "required": False,
        "columnField": False,
        "shortcutKey": "",
        "classifications": [],
        "options": [],
        **more,
    }


def _options(*values: str) -> list[JsonObject]:
    return [{"value": value, "schemaId": make_id("option", value, length=23)} for value in values]


def sample_category_schema() -> JsonObject:
    """`{"tools", "classifications", "relations"}` with at least one category of every tool a plugin may answer."""
    return {
        "tools": [
            _category("bounding-box", "Bolt", "#f44336"),
            _category("bounding-box", "Nut", "#2196f3"),
            _category("bounding-box", "Washer", "#4caf50"),
            _category("rotated-bounding-box", "Bolt (rotated)", "#ff9800"),
            _category("polygon", "Outline", "#9c27b0"),
            _category("segmentation", "Surface", "#00bcd4"),
            _category("polyline", "Scratch", "#ffeb3b"),
            _category("point", "Centre", "#e91e63"),
            _category("brush", "Rust", "#795548"),
            _category("ner", "Supplier", "#3f51b5"),
        ],
        "classifications": [
            _category("radio", "Light", "#607d8b", options=_options("Bright", "Dim", "Uneven")),
        ],
        "relations": [_category("one-to-one", "Fits on", "#8bc34a")],
    }


@dataclass(slots=True)
class SampleProject:
    """The project as `GET /v2/project/{id}` shows it, with its assets and tasks."""

    id: str = make_id("project")
    organization_id: str = make_id("organization")
    user_id: str = make_id("user")
    name: str = "Fasteners"
    category_schema: JsonObject = field(default_factory=sample_category_schema)
    batches: list[JsonObject] = field(
        default_factory=lambda: [
            {"_id": make_id("batch", "Morning"), "name": "Morning"},
            {"_id": make_id("batch", "Evening"), "name": "Evening"},
        ]
    )
    assets: list[Asset] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)

    @property
    def pictures(self) -> list[Asset]:
        """The assets that a vision model can be run on."""
        return [asset for asset in self.assets if asset.is_picture]

    def files_in(self, folder: Path) -> list[Path]:
        """The files of a folder that can be assets, in order of name; none where there is no such folder."""
        if not folder.is_dir():
            return []
        return sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES and path.is_file())

    def add(self, path: Path) -> Asset:
        """Makes an asset and its task of a file; assets go to the batches in turn."""
        media_type = _MEDIA_TYPES.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0]
        asset = Asset(
            id=make_id("asset", path.name),
            external_id=path.name,
            path=path,
            media_type=media_type or "application/octet-stream",
            batches=(self.batches[len(self.assets) % len(self.batches)]["_id"],),
        )
        self.assets.append(asset)
        task = Task(id=make_id("task", path.name), asset_id=asset.id)
        self.tasks[task.id] = task
        return asset

    @property
    def listed(self) -> Sequence[Asset]:
        """The assets that the API shows."""
        return self.assets

    def in_batches(self, batches: Sequence[str]) -> Sequence[Asset]:
        """The assets that are in all these batches."""
        return [asset for asset in self.assets if all(batch in asset.batches for batch in batches)]

    def named(self, external_id: str) -> Asset | None:
        """The first asset with that external id, or None."""
        return next((asset for asset in self.assets if asset.external_id == external_id), None)

    def pre_label(self, asset: Asset, answer: JsonObject) -> None:
        """Labels were imported for an asset."""
        task = self.task_of(asset)
        task.answer, task.pre_labeled = answer, True

    def asset(self, asset_id: str) -> Asset | None:
        """The asset with that id, or None."""
        return next((asset for asset in self.assets if asset.id == asset_id), None)

    def task_of(self, asset: Asset) -> Task:
        """The labeling task of an asset."""
        return self.tasks[make_id("task", asset.external_id)]

    def schema_id(self, title: str) -> str | None:
        """The schemaId of the tool with that title, upper and lower case alike, or None."""
        wanted = title.casefold()
        for tool in self.category_schema["tools"]:
            if tool["title"].casefold() == wanted:
                return str(tool["schemaId"])
        return None

    def map_by_name(self, class_names: tuple[str, ...]) -> list[JsonObject]:
        """The class mapping a person would choose: every class to the tool of the same title; others are left out."""
        pairs = ((name, self.schema_id(name)) for name in class_names)
        return [{"schemaId": schema_id, "modelClass": name} for name, schema_id in pairs if schema_id]

    def as_json(self) -> JsonObject:
        """The project as the HTTP API shows it; `tags` is what clients before 1.2 call batches."""
        return {
            "_id": self.id,
            "name": self.name,
            "description": "The sample project of the demo hub.",
            "type": "ango",
            "organization": self.organization_id,
            "owner": self.user_id,
            "categorySchema": self.category_schema,
            "stages": [{"id": name, "name": name, "type": name} for name in STAGES],
            "batches": self.batches,
            "tags": self.batches,
            "assetCount": len(self.listed),
        }
