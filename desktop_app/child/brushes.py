"""Brush masks of a workflow job: uploaded before the task is annotated, merged with what the task has.

Unlike the published client a mask that cannot be stored or merged fails the job, and the task is not annotated.
"""

from __future__ import annotations

import uuid
from typing import Any, Dict, List, Optional

from .http_calls import HttpError, request
from .masks import MaskError, merge_nrrd, over, picture, read_png, volume, write_nrrd, write_png
from .models.enums import StorageFileTypes
from .sdk import SDK
from .serve import Failure


class Brushes:
    """The masks of one answer.

    Args:
        brush: array of a picture's mask, or None.
        medical: array of a volume's mask, or None.
    """

    def __init__(self, brush: Any, medical: Any) -> None:
        self._brush = brush
        self._medical = medical

    def upload(self, data: Dict[str, Any], host: str, value: Dict[str, Any]) -> List[str]:
        """Stores the masks and writes their addresses into the answer; returns notes.

        Raises:
            Failure: a mask is none, or could not be stored.
        """
        if not data.get("workflow"):
            return ["A mask was returned and not stored: the hub takes masks only in workflow jobs."]
        if not data.get("apiKey"):
            return ["A mask was returned and not stored: the job has no API key."]
        sdk = SDK(str(data["apiKey"]), host)
        overwrite = data.get("overwrite")
        keep = overwrite is not None and not overwrite
        project = data.get("projectId")
        task: Dict[str, Any] = {}
        try:
            if keep or not project:
                task = sdk.get_task(str(data.get("taskId")))["data"]["task"]
                project = project or task.get("project")
            if self._brush is not None and not value.get("brushDataUrl"):
                existing = task.get("brushDataUrl") if keep else None
                value["brushDataUrl"] = self._picture(sdk, str(project), existing)
            if self._medical is not None and not value.get("medicalBrushDataUrl"):
                existing = task.get("medicalBrushDataUrl") if keep else None
                value["medicalBrushDataUrl"] = self._volume(sdk, str(project), existing)
        except MaskError as error:
            raise Failure("the mask cannot be stored: %s" % error, "brush_data", kind="answer") from None
        except (HttpError, KeyError, TypeError) as error:
            reason = (str(error).strip() or "no answer").splitlines()[0][:300]
            raise Failure("the mask could not be uploaded, so the task was not annotated: %s" % reason) from None
        return []

    def _picture(self, sdk: SDK, project: str, existing: Optional[str]) -> str:
        mask = picture(self._brush)
        if existing:
            mask = over(mask, read_png(_stored(sdk, existing, project, StorageFileTypes.BRUSH)))
        return _put(sdk, project, ".png", StorageFileTypes.BRUSH, write_png(mask))

    def _volume(self, sdk: SDK, project: str, existing: Optional[str]) -> str:
        kind = StorageFileTypes.MEDICAL_BRUSH
        shape = getattr(self._medical, "shape", None)
        if shape is not None and (len(shape) != 3 or shape[-1] in (3, 4)):
            return _put(sdk, project, ".png", kind, write_png(picture(self._medical)))
        size, voxels = volume(self._medical)
        if existing:
            data = merge_nrrd(_stored(sdk, existing, project, kind), size, voxels)
        else:
            data = write_nrrd(size, voxels)
        return _put(sdk, project, ".seg.nrrd", kind, data)


def _stored(sdk: SDK, url: str, project: str, kind: StorageFileTypes) -> bytes:
    return request("GET", sdk._get_signed_url(url, project, kind), tries=3)  # noqa: SLF001


def _put(sdk: SDK, project: str, ending: str, kind: StorageFileTypes, data: bytes) -> str:
    url = sdk._get_upload_url(uuid.uuid4().hex + ending, project, kind)  # noqa: SLF001
    request("PUT", url, body=data, tries=3)
    return url.partition("?")[0]
