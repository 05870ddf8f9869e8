"""What an export of a project contains."""

from __future__ import annotations

import datetime
import json
from typing import Any, Dict, List, Optional

from .enums import ExportFormats, ExportTypes, TaskTypes

_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


class TimeFilter:
    """A span of time, open at either end."""

    def __init__(
        self, from_date: Optional[datetime.datetime] = None, to_date: Optional[datetime.datetime] = None
    ) -> None:
        self.from_date = from_date
        self.to_date = to_date

    def toDict(self) -> Dict[str, Any]:  # noqa: N802
        """The filter as the API takes it."""
        limits = (("$gt", self.from_date), ("$lt", self.to_date))
        return {name: date.strftime(_TIME) for name, date in limits if date}

    def to_json(self) -> str:
        """The filter as JSON text."""
        return json.dumps(self.toDict())


class ExportOptions:
    """Options of `SDK.export`."""

    def __init__(
        self,
        stage: Optional[List[str]] = None,
        batches: Optional[List[str]] = None,
        task_type: Optional[TaskTypes] = None,
        export_format: ExportFormats = ExportFormats.JSON,
        export_type: ExportTypes = ExportTypes.TASK,
        include_key_frames_only: bool = False,
        include_idle_blur_durations: bool = False,
        send_email: bool = False,
        include_metadata: bool = True,
        include_history: bool = True,
        notify: bool = False,
        updated_at: Optional[TimeFilter] = None,
        created_at: Optional[TimeFilter] = None,
    ) -> None:
        task_type = task_type or TaskTypes.DEFAULT
        if stage is None and task_type is TaskTypes.DEFAULT:
            stage = ["Complete"]
        self.stage = stage
        self.batches = batches
        self.task_types = [task_type]
        self.export_format = export_format
        self.export_type = export_type
        self.include_key_frames_only = include_key_frames_only
        self.include_idle_blur_durations = include_idle_blur_durations
        self.send_email = send_email
        self.include_metadata = include_metadata
        self.include_history = include_history
        self.notify = notify
        self.updated_at = updated_at
        self.created_at = created_at

    def toDict(self) -> Dict[str, Any]:  # noqa: N802
        """The query of the export call."""
        query = {
            "sendEmail": _flag(self.send_email),
            "includeMetadata": _flag(self.include_metadata),
            "includeHistory": _flag(self.include_history),
            "doNotNotify": _flag(not self.notify),
            "format": self.export_format.value,
            "type": self.export_type.value,
            "includeOnlyKeyFrames": _flag(self.include_key_frames_only),
            "includeIdleBlurDurations": _flag(self.include_idle_blur_durations),
        }
        if self.batches:
            query["batches"] = json.dumps(self.batches)
        if self.task_types:
            query["taskTypes"] = json.dumps([kind.value for kind in self.task_types])
        if self.stage and self.export_type is ExportTypes.TASK:
            query["stage"] = json.dumps(self.stage)
        if self.updated_at:
            query["updatedAt"] = self.updated_at.to_json()
        if self.created_at:
            query["createdAt"] = self.created_at.to_json()
        return query


def _flag(value: bool) -> str:
    return "true" if value else "false"
