"""Calling the user's function for one job, in the manner of its generation, and reading what it returns."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from .convert import Notes
from .logger import PluginLogger
from .reading import read_returned
from .serve import Failure, Job
from .trouble import Places, script_failure

if TYPE_CHECKING:
    from .exporting import Exporter


class Call:
    """How a function wants its data: `callback(**data)`, `callback(data)`, or some of the fields by name.

    Args:
        function: the user's.
        prefer_keywords: what `def callback(*args, **kwargs)` and uninspectable functions get; told by the import.
    """

    def __init__(self, function: Callable[..., Any], prefer_keywords: bool) -> None:
        self.function = function
        self.by_keywords = prefer_keywords
        self._names: Optional[List[str]] = None
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            return
        named = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        required = [p for p in named if p.default is p.empty]
        takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
        takes_all = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        by_name_only = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
        if takes_any:
            # `def f(data, **options)` cannot be called with keywords alone: "data" is no field of the event.
            one_for_all = len(required) == 1 and required[0].name not in EVENT_FIELDS
            self.by_keywords = not one_for_all and (prefer_keywords or not takes_all)
        elif len(named) == 1 and named[0].name not in EVENT_FIELDS or (takes_all and not by_name_only):
            self.by_keywords = False
        elif named and len(required) <= 1 and required and required[0].name not in EVENT_FIELDS:
            self.by_keywords = False
        elif named or by_name_only:
            self.by_keywords = True
            self._names = [p.name for p in named] + by_name_only

    def __call__(self, data: Dict[str, Any]) -> Any:
        if not self.by_keywords:
            return self.function(data)
        if self._names is None:
            return self.function(**data)
        return self.function(**{name: data[name] for name in self._names if name in data})


EVENT_FIELDS = frozenset(
    "session projectId orgId runBy apiKey dataURL assetId taskId categorySchema configJSON batches tags workflow "
    "overwrite labeltask logger assetPath jsonExport numTasks externalId stage".split()
)


class Callback:
    """Answers jobs with the user's function.

    Args:
        kind: plugin kind, as in Prediction.kind.
        places: which files are the user's own.
        log: takes job id, level, message, extra data and a traceback.
        prefer_keywords: see Call.
        host: the hub's address for HTTP calls.
        exporter: for plugins that export.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        kind: str,
        places: Places,
        log: Callable[[int, str, str, Dict[str, Any], str], None],
        prefer_keywords: bool,
        host: str = "",
        exporter: Optional[Exporter] = None,
    ) -> None:
        self._call = Call(function, prefer_keywords)
        self._kind = kind
        self._places = places
        self._log = log
        self._host = host
        self._exporter = exporter
        self.name = getattr(function, "__name__", type(function).__name__)

    @property
    def by_keywords(self) -> bool:
        """Whether the function gets the event's fields as keyword arguments."""
        return self._call.by_keywords

    def answer(self, job: Job) -> Dict[str, Any]:
        """The fields of a Prediction.

        Raises:
            Failure: the script raised, or returned what cannot be an answer.
        """
        data = self._data(job)
        if self._exporter is not None:
            data.update(self._exporter.read(data))
        try:
            returned = self._call(data)
            if inspect.iscoroutine(returned):
                returned = asyncio.run(returned)
        except Failure:
            raise
        except BaseException as error:
            if type(error).__name__ == "Cancelled":
                raise
            raise script_failure(error, self._places) from None
        finally:
            job.on_asset = None
        notes = Notes()
        try:
            reading = read_returned(returned, self._kind, notes)
        except Failure as failure:
            failure.details = failure.details or "returned by %s()" % self.name
            raise
        sentences = notes.sentences()
        stores = not job.frame.get("dry")
        if stores and (reading.brush is not None or reading.medical is not None):
            from .brushes import Brushes  # only now: it loads what HTTP needs

            sentences += Brushes(reading.brush, reading.medical).upload(job.data, self._host, reading.value)
        if self._exporter is not None:
            name = reading.value["fileName"]
            reading.value = self._exporter.store(job.data, reading.value, reading.blob) if stores else name
        return {
            "returned": reading.value,
            "generation": reading.generation,
            "kind": self._kind,
            "notes": sentences,
        }

    def _data(self, job: Job) -> Dict[str, Any]:
        data = dict(job.data)

        def sink(level: str, message: str, extra: Dict[str, Any], trace: str) -> None:
            self._log(job.id, level, message, extra, trace)

        logger = PluginLogger(sink=sink)
        logger.plugin_id = str(job.frame.get("plugin_id", ""))  # type: ignore[attr-defined]
        logger.org_id = data.get("orgId", "")  # type: ignore[attr-defined]
        logger.run_by = data.get("runBy", "")  # type: ignore[attr-defined]
        logger.session = data.get("session", "")  # type: ignore[attr-defined]
        data["logger"] = logger
        if "batches" not in data:
            data["batches"] = data.get("tags", [])  # older hubs; facts: hub-protocol, A job

        def arrived(path: str) -> None:
            data["assetPath"] = path

        job.on_asset = arrived
        if job.asset_path is not None:
            data["assetPath"] = job.asset_path
        return data
