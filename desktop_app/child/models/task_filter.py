"""Which tasks `SDK.get_tasks` asks for."""

from __future__ import annotations

import datetime
import json
from typing import Any, Dict, List, Optional, Union

Number = Union[int, float]


class _Conditions:
    """Conditions on one field, by the API's operators."""

    def __init__(self, **conditions: Any) -> None:
        self.__dict__.update(conditions)
        self._names = tuple(conditions)

    def toDict(self) -> Dict[str, Any]:  # noqa: N802
        """As the API takes it."""
        values = {name: getattr(self, name) for name in self._names}
        return {"$" + _OPERATORS.get(name, name): _plain(value) for name, value in values.items() if value is not None}

    def is_empty(self) -> bool:
        """Whether nothing is asked."""
        return not self.toDict()


_OPERATORS = {"in_list": "in"}


class DateRange(_Conditions):
    """A span of time."""

    def __init__(
        self,
        gt: Optional[datetime.datetime] = None,
        gte: Optional[datetime.datetime] = None,
        lt: Optional[datetime.datetime] = None,
        lte: Optional[datetime.datetime] = None,
    ) -> None:
        super().__init__(gt=gt, gte=gte, lt=lt, lte=lte)


class NumberRange(_Conditions):
    """A number, or a span of numbers."""

    def __init__(
        self,
        eq: Optional[Number] = None,
        ne: Optional[Number] = None,
        gt: Optional[Number] = None,
        gte: Optional[Number] = None,
        lt: Optional[Number] = None,
        lte: Optional[Number] = None,
    ) -> None:
        super().__init__(eq=eq, ne=ne, gt=gt, gte=gte, lt=lt, lte=lte)


class StringFilter(_Conditions):
    """A text, a pattern or a list of texts."""

    def __init__(
        self,
        eq: Optional[str] = None,
        ne: Optional[str] = None,
        regex: Optional[str] = None,
        in_list: Optional[List[str]] = None,
        nin: Optional[List[str]] = None,
        exists: Optional[bool] = None,
    ) -> None:
        super().__init__(eq=eq, ne=ne, regex=regex, in_list=in_list, nin=nin, exists=exists)


class TaskFilter:
    """Conditions on tasks; each a plain value, or a StringFilter, NumberRange or DateRange."""

    _FIELDS = {
        "stage": "stage",
        "batches": "batches",
        "status": "status",
        "review_status": "reviewStatus",
        "task_type": "type",
        "assignee": "assignee",
        "external_id": "externalId",
        "created_at": "createdAt",
        "updated_at": "updatedAt",
        "created_by": "createdBy",
        "updated_by": "updatedBy",
        "priority": "priority",
        "duration": "duration",
        "total_duration": "totalDuration",
        "open_issues_count": "openIssuesCount",
        "is_draft": "isDraft",
        "is_skipped": "isSkipped",
        "is_benchmark": "isBenchmark",
    }

    def __init__(self, stage: Any = None, batches: Any = None, status: Any = None, **more: Any) -> None:
        unknown = set(more) - set(self._FIELDS)
        if unknown:
            raise TypeError("unexpected arguments: %s" % ", ".join(sorted(unknown)))
        for name in self._FIELDS:
            setattr(self, name, more.get(name))
        self.stage = stage
        self.batches = batches
        self.status = status

    def toDict(self) -> Dict[str, Any]:  # noqa: N802
        """As the API takes it."""
        asked: Dict[str, Any] = {}
        for name, field in self._FIELDS.items():
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, _Conditions):
                if not value.is_empty():
                    asked[field] = value.toDict()
            elif isinstance(value, list):
                asked[field] = {"$in": value}
            elif name == "stage":
                asked[field] = value
            else:
                asked[field] = {"$eq": _plain(value)}
        return asked

    def to_json(self) -> str:
        """The filter as JSON text."""
        return json.dumps(self.toDict())

    def is_empty(self) -> bool:
        """Whether nothing is asked."""
        return not self.toDict()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return getattr(value, "value", value)
