"""Export plugins: the project's export is fetched, the callback makes a file of it, the file is stored in the hub.

Calls are those of the client whose SDK the script imports (facts: hub-protocol, HTTP API used by plugins).
"""

from __future__ import annotations

import datetime
import importlib
import inspect
import json
import sys
from typing import Any, Dict, List, Optional, Tuple

from .http_calls import HttpError, request
from .serve import Failure


class Exporter:
    """What an export plugin needs of the hub.

    Args:
        plugin: the script's plugin (`host`, `version`).
        host: the profile's, where the plugin names none.
        client: version of the published client in this interpreter, or None.
    """

    def __init__(self, plugin: Any, host: str, client: Optional[str]) -> None:
        self._host = getattr(plugin, "host", None) or host
        self._version = getattr(plugin, "version", "v2")
        self._client = client

    def read(self, data: Dict[str, Any]) -> Dict[str, Any]:
        """`jsonExport` and, since 1.3, `numTasks`.

        Raises:
            Failure: the hub does not give the export.
        """
        try:
            exported = self._read(self._sdk(data), data)
        except Exception as error:
            raise Failure("the project's export could not be fetched: %s" % _first_line(error)) from None
        if isinstance(exported, tuple):
            return {"jsonExport": exported[0], "numTasks": exported[1]}
        return {"jsonExport": exported}

    def store(self, data: Dict[str, Any], file: Dict[str, Any], content: bytes) -> str:
        """Stores the file and gives the address that the person gets.

        Raises:
            Failure: the hub or its storage does not take the file.
        """
        project = data.get("projectId")
        sdk = self._sdk(data)
        try:
            upload, signed = self._addresses(sdk, project, file)
            request("PUT", upload, body=content, tries=3)
        except HttpError as error:
            raise Failure("the exported file could not be stored: %s" % _first_line(error)) from None
        except Exception as error:
            raise Failure("the hub gave no place for the exported file: %s" % _first_line(error)) from None
        return signed

    def _read(self, sdk: Any, data: Dict[str, Any]) -> Any:
        project, stage, batches = data.get("projectId"), data.get("stage"), data.get("batches")
        frames = bool(_config(data).get("include_key_frames_only", False))
        takes = _parameters(sdk.export)
        if "options" in takes:
            models = "%s.models" % _root(type(sdk).__module__)
            options = importlib.import_module(models + ".export_options").ExportOptions(
                export_format=importlib.import_module(models + ".enums").ExportFormats.NDJSON,
                stage=stage,
                include_key_frames_only=frames,
                batches=batches,
                notify=False,
            )
            return sdk.export(project, options)
        newer = _parameters(getattr(sdk, "exportV3", None))
        if "export_format" in newer:
            return sdk.exportV3(
                project, batches=batches, stage=stage, export_format="ndjson", include_key_frames_only=frames
            )
        if newer and self._version == "v3":
            return sdk.exportV3(project, batches=batches, stage=stage, format="ndjson")
        options = {"completed_at": _span(data, "completed_at"), "updated_at": _span(data, "updated_at")}
        options["batches"] = batches if newer else data.get("tags", batches)
        if "stage" in takes:
            options["stage"] = stage
        return sdk.export(project, data.get("assignees"), **options)

    def _addresses(self, sdk: Any, project: Any, file: Dict[str, Any]) -> Tuple[str, str]:
        name, storage = file["fileName"], file["storageId"]
        if "project" in _parameters(sdk._get_upload_url) and self._flavour() != "documented":  # noqa: SLF001
            models = _root(type(sdk).__module__)
            kind = importlib.import_module("%s.models.enums" % models).StorageFileTypes.EXPORT
            where = {"project": project, "file_type": kind, "storage_id": storage}
            upload = sdk._get_upload_url(name, **where)  # noqa: SLF001
            return upload, sdk._get_signed_url(upload, **where)  # noqa: SLF001
        if self._flavour() == "1.3":
            name = "%s/exports/%s" % (project, name)
        upload = sdk._get_upload_url(name)  # noqa: SLF001
        if self._flavour() == "documented":
            return upload, upload.split("?")[0]
        return upload, sdk._get_signed_url(upload)  # noqa: SLF001

    def _flavour(self) -> str:
        """ "documented", "1.2" or "1.3": which client's habits count where the SDK does not tell."""
        if "imerit_ango.plugins" not in sys.modules:
            return "documented"
        version: List[int] = [int(part) for part in (self._client or "9").split(".") if part.isdigit()]
        return "1.2" if version < [1, 3] else "1.3"

    def _sdk(self, data: Dict[str, Any]) -> Any:
        root = "ango" if self._flavour() == "documented" else "imerit_ango"
        sdk: Any = importlib.import_module("%s.sdk" % root).SDK(api_key=data.get("apiKey"), host=self._host)
        return sdk


def _root(module: str) -> str:
    root = module.partition(".")[0]
    return root if root != "plugdeck_child" else "imerit_ango"


def _parameters(function: Any) -> Dict[str, Any]:
    if not callable(function):
        return {}
    return dict(inspect.signature(function).parameters)


def _config(data: Dict[str, Any]) -> Dict[str, Any]:
    try:
        config = json.loads(data.get("configJSON") or "{}")
    except (TypeError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def _span(data: Dict[str, Any], name: str) -> Optional[List[datetime.datetime]]:
    value = data.get(name)
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return None
    return [datetime.datetime.fromisoformat(str(date)) for date in value]


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]
