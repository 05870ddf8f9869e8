"""Answers of the history in the formats that training code reads: Ango import, COCO, YOLO; with the assets if wanted.

Without assets Ango and COCO are one JSON file and YOLO a zip. With assets each is a zip: the JSON (`import.json`,
`annotations.json`) or `labels/` beside `images/`, which holds every asset that is still in the cache.
"""

from __future__ import annotations

import asyncio
import json
import re
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from desktop_app.core.annotation import AnnotationObject, Answer
from desktop_app.core.compare import class_of
from desktop_app.core.errors import KnownError
from desktop_app.core.job import JobDetail, JobRecord, JobState
from desktop_app.core.shapes import Polygon, RotatedBox, Segmentation
from desktop_app.store.history import History
from desktop_app.store.search import JobFilter

PAGE = 200


class ExportFormat(StrEnum):
    """What is written: one JSON file, or for YOLO a zip with one text file a picture."""

    ANGO = "ango"
    COCO = "coco"
    YOLO = "yolo"


@dataclass(slots=True)
class Exported:
    """What came of an export: how many jobs and objects were written, and what was left out, with its count."""

    jobs: int = 0
    objects: int = 0
    left_out: dict[str, int] = field(default_factory=dict)

    def leave_out(self, why: str) -> None:
        """Counts something that the format cannot hold."""
        self.left_out[why] = self.left_out.get(why, 0) + 1


async def export_jobs(
    history: History,
    target: Path,
    form: ExportFormat,
    profile_id: str | None = None,
    *,
    wanted: JobFilter | None = None,
    jobs: Sequence[JobRecord] = (),
    assets: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Exported:
    """Writes the answers of delivered jobs; an asset that was answered several times counts with its latest job.

    Args:
        wanted: which jobs, beside `profile_id`; replays count only where `jobs` names them.
        jobs: these alone.
        assets: write the assets too; the file is a zip then.
        progress: hears how many jobs were read so far.

    Raises:
        KnownError: there is nothing to write, or the file cannot be written.
    """
    done = Exported()
    writer: _Ango | _Coco | _Yolo
    match form:
        case ExportFormat.ANGO:
            writer = _Ango(done)
        case ExportFormat.COCO:
            writer = _Coco(done)
        case ExportFormat.YOLO:
            writer = _Yolo(done)
    names = _Names()
    files: dict[str, Path] = {}
    source = _named(history, jobs) if jobs else _delivered(history, wanted or JobFilter(), profile_id)
    async for record, detail in source:
        name = names.of(record) if detail.answer is not None else None
        if detail.answer is None or name is None:
            continue
        if assets and record.asset_path:
            files[name] = Path(record.asset_path)
        elif assets:
            done.leave_out("assets that are not in the cache")
        writer.add(record, name, Answer.parse(detail.answer), detail.answer)
        done.jobs += 1
        progress(done.jobs)
    if not done.jobs:
        raise KnownError("There is no delivered job to export", remedy="See: plugdeck jobs list --state delivered")
    try:
        await asyncio.to_thread(_write, target, writer, files if assets else None, done)
    except OSError as error:
        raise KnownError(
            f"The file cannot be written: {error.strerror or error}", where=str(target), remedy="Name another file."
        ) from error
    return done


class _Names:
    """One plain file name for each asset; None for an asset that was seen."""

    def __init__(self) -> None:
        self._assets: set[str] = set()
        self._taken: set[str] = set()

    def of(self, record: JobRecord) -> str | None:
        asset = record.external_id or record.url or record.id
        if asset in self._assets:
            return None
        self._assets.add(asset)
        name = _file_name(record)
        if Path(name).stem.casefold() in self._taken:
            # Two assets of one name, from different folders: each keeps its annotations.
            name = f"{Path(name).stem}-{record.id[:8]}{Path(name).suffix}"
        self._taken.add(Path(name).stem.casefold())
        return name


def _write(target: Path, writer: _Ango | _Coco | _Yolo, files: dict[str, Path] | None, done: Exported) -> None:
    if files is None and not writer.needs_zip:
        ((_, text),) = writer.parts()
        target.write_text(text, encoding="utf-8")
        return
    aside = target.with_name(target.name + ".part")
    try:
        with zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in writer.parts():
                archive.writestr(name, text)
            for name, path in (files or {}).items():
                try:
                    archive.write(path, f"images/{name}", zipfile.ZIP_STORED)
                except FileNotFoundError:
                    done.leave_out("assets that are not in the cache")
        aside.replace(target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


async def _delivered(
    history: History, wanted: JobFilter, profile_id: str | None
) -> AsyncIterator[tuple[JobRecord, JobDetail]]:
    chosen = replace(wanted, profile_id=profile_id or wanted.profile_id, state=JobState.DELIVERED, replays=False)
    before: tuple[float, str] | None = None
    while page := await history.list(chosen, limit=PAGE, before=before):
        for record in page:
            yield record, await history.detail(record.id)
        before = (page[-1].received_at, page[-1].id)


async def _named(history: History, jobs: Sequence[JobRecord]) -> AsyncIterator[tuple[JobRecord, JobDetail]]:
    for record in sorted(jobs, key=lambda job: -job.received_at):
        if record.state is JobState.DELIVERED:
            yield record, await history.detail(record.id)


class _Ango:
    """The body of the hub's label import: one entry an asset, keyed as the hub knows it."""

    needs_zip = False

    def __init__(self, done: Exported) -> None:
        self._done = done
        self._entries: list[dict[str, Any]] = []

    def add(self, record: JobRecord, _name: str, answer: Answer, raw: dict[str, Any]) -> None:
        key = {"externalId": record.external_id} if record.external_id else {"data": record.url}
        parts = {part: raw.get(part) or [] for part in ("objects", "classifications", "relations")}
        self._entries.append({**key, **parts})
        self._done.objects += len(answer.objects)

    def parts(self) -> Iterator[tuple[str, str]]:
        yield "import.json", json.dumps(self._entries, ensure_ascii=False, indent=1) + "\n"


class _Coco:
    """COCO detection: `bbox` as x, y, width, height; outlines as `segmentation` (COCO has no holes in them)."""

    needs_zip = False

    def __init__(self, done: Exported) -> None:
        self._done = done
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._categories: dict[str, int] = {}

    def add(self, record: JobRecord, name: str, answer: Answer, _raw: dict[str, Any]) -> None:
        image_id = len(self._images) + 1
        size = {"width": record.width, "height": record.height}
        known = {key: value for key, value in size.items() if value}
        self._images.append({"id": image_id, "file_name": name, "coco_url": record.url, **known})
        for item in answer.objects:
            box = item.shape.bounds if item.shape is not None else None
            if box is None:
                self._done.leave_out("objects without a place in a picture")
                continue
            x1, y1, x2, y2 = box
            category = self._categories.setdefault(class_of(item), len(self._categories) + 1)
            outlines = _outlines(item)
            annotation: dict[str, Any] = {
                "id": len(self._annotations) + 1,
                "image_id": image_id,
                "category_id": category,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": sum(map(_area, outlines)) if outlines else (x2 - x1) * (y2 - y1),
                "iscrowd": 0,
                "segmentation": outlines,
            }
            confidence = _confidence(item)
            self._annotations.append(annotation if confidence is None else {**annotation, "score": confidence})
            self._done.objects += 1

    def parts(self) -> Iterator[tuple[str, str]]:
        categories = [{"id": number, "name": name} for name, number in self._categories.items()]
        coco = {"images": self._images, "annotations": self._annotations, "categories": categories}
        yield "annotations.json", json.dumps(coco, ensure_ascii=False) + "\n"


class _Yolo:
    """A zip with `classes.txt` and `labels/NAME.txt`: class, centre, width and height as parts of the picture."""

    needs_zip = True

    def __init__(self, done: Exported) -> None:
        self._done = done
        self._labels: dict[str, str] = {}
        self._classes: dict[str, int] = {}

    def add(self, record: JobRecord, name: str, answer: Answer, _raw: dict[str, Any]) -> None:
        if not record.width or not record.height:
            self._done.leave_out("jobs whose picture size is not known")
            return
        lines = []
        for item in answer.objects:
            box = item.shape.bounds if item.shape is not None else None
            if box is None:
                self._done.leave_out("objects without a place in a picture")
                continue
            x1, y1, x2, y2 = box
            place = (
                (x1 + x2) / 2 / record.width,
                (y1 + y2) / 2 / record.height,
                (x2 - x1) / record.width,
                (y2 - y1) / record.height,
            )
            number = self._classes.setdefault(class_of(item), len(self._classes))
            lines.append(" ".join([str(number), *(f"{value:.6f}" for value in place)]))
        self._labels[Path(name).stem] = "".join(f"{line}\n" for line in lines)
        self._done.objects += len(lines)

    def parts(self) -> Iterator[tuple[str, str]]:
        yield "classes.txt", "".join(f"{name}\n" for name in self._classes)
        names = [f"  {number}: {json.dumps(name, ensure_ascii=False)}" for name, number in self._classes.items()]
        yield "data.yaml", "\n".join(["path: .", "train: images", "val: images", "names:", *names]) + "\n"
        for stem, text in self._labels.items():
            yield f"labels/{stem}.txt", text


def _file_name(record: JobRecord) -> str:
    """A plain name for the asset; nothing of a job may lead out of a folder."""
    name = record.external_id or record.url.rpartition("/")[2] or record.id
    plain = "".join(c if c.isalnum() or c in "._- " else "_" for c in name)
    return re.sub(r"\.\.+", "_", plain).strip(". ") or record.id


def _confidence(item: AnnotationObject) -> float | None:
    metadata = item.extra.get("metadata")
    value = metadata.get("confidence") if isinstance(metadata, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _outlines(item: AnnotationObject) -> list[list[float]]:
    shape = item.shape
    rings: list[Any] = []
    if isinstance(shape, Polygon):
        rings = [shape.points]
    elif isinstance(shape, RotatedBox):
        rings = [shape.corners]
    elif isinstance(shape, Segmentation):
        rings = [zone.region for zone in shape.zones]
    return [[value for point in ring for value in point] for ring in rings]


def _area(flat: list[float]) -> float:
    points = list(zip(flat[::2], flat[1::2], strict=True))
    following = [*points[1:], points[0]]
    return abs(sum(x * v - u * y for (x, y), (u, v) in zip(points, following, strict=True))) / 2
