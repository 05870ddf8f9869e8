"""The hub's HTTP API as plugins use it (facts: hub-protocol, HTTP API)."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import logging
import math
import sys
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from desktop_app.core.aio import backoff
from desktop_app.core.errors import HubError, HubRefused, HubUnreachable
from desktop_app.hub.trust import trusted

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

# httpx asks for this optional package several times in every call. Where it is missing, Python looks through its whole
# path each time, which is a third of what a call costs.
if importlib.util.find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

# httpx logs each address with its query at INFO.
logging.getLogger("httpx").setLevel(logging.WARNING)

TIMEOUT_S = 30.0
CONNECT_S = 5.0
CALL_LIMIT_S = 120.0
"""Bound on one try, for a hub that answers byte by byte."""
ATTEMPTS = 4
"""Tries of one call before it is given up; only failures that say nothing was done are tried again."""

RETRY_STATUSES = frozenset({429, 502, 503, 504})
NOTHING_DONE = frozenset({429, 503})
"""Statuses by which a server says that it did not begin, so that even a POST may be sent again."""

LONGEST_RETRY_AFTER_S = 60.0


class HubClient:
    """Calls one hub. Every call takes the apiKey of the job it is made for.

    Args:
        host: such as `https://api.ango.ai`.

    All calls raise HubUnreachable (no answer) or HubRefused (an error status); reading calls and those whose answer
    says that nothing was done are tried again with growing waits, `Retry-After` honoured.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Frees the connections."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def asset(self, api_key: str, project_id: str, asset_id: str) -> dict[str, Any]:
        """One asset of a project: `{"_id", "externalId", "data": url, …}`.

        Raises:
            HubRefused: also when the project has no such asset (status 404).
        """
        parameters = {"page": 1, "limit": 1, "filters": json.dumps({"_id": asset_id})}
        data = await self._call("GET", f"/v2/project/{_part(project_id)}/assets", api_key, params=parameters)
        assets = data.get("assets")
        if not isinstance(assets, list) or not assets or not isinstance(assets[0], dict):
            raise HubRefused("The hub knows no such asset", status=404, where=f"asset {asset_id}")
        return assets[0]

    async def assets(
        self, api_key: str, project_id: str, *, page: int, limit: int, batches: Sequence[str] = ()
    ) -> tuple[list[dict[str, Any]], int]:
        """A page (from 1) of a project's assets, of some batches where they are named; and how many there are."""
        parameters: dict[str, Any] = {"page": page, "limit": limit}
        if batches:
            parameters["filters"] = json.dumps({"batches": list(batches)})
        data = await self._call("GET", f"/v2/project/{_part(project_id)}/assets", api_key, params=parameters)
        found, total = data.get("assets"), data.get("total")
        rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
        return rows, total if isinstance(total, int) and not isinstance(total, bool) and total >= 0 else 0

    async def import_labels(self, api_key: str, project_id: str, rows: Sequence[dict[str, Any]]) -> None:
        """Gives assets their pre-labels; each row names its asset (`externalId` or `data`)."""
        body = {"project": project_id, "jsonContent": list(rows)}
        await self._call("POST", "/v2/import/labels", api_key, body=body)

    async def project(self, api_key: str, project_id: str) -> dict[str, Any]:
        """The project with its category schema."""
        data = await self._call("GET", f"/v2/project/{_part(project_id)}", api_key)
        project = data.get("project", data)
        return project if isinstance(project, dict) else {}

    async def task(self, api_key: str, task_id: str) -> dict[str, Any]:
        """The task with its answer `{"tools", "classifications", "relations"}`."""
        data = await self._call("GET", f"/v2/task/{_part(task_id)}", api_key, params={"includeAnswer": "False"})
        task = data.get("task", data)
        return task if isinstance(task, dict) else {}

    async def annotate(self, api_key: str, task_id: str, body: dict[str, Any], *, is_plugin: bool = True) -> None:
        """Hands in a workflow job's answer; the task goes to its next stage."""
        parameters = {"nextStage": "true", **({"isPlugin": "true"} if is_plugin else {})}
        await self._call("POST", f"/v2/annotate/{_part(task_id)}", api_key, params=parameters, body=body)

    async def plugin_log(self, api_key: str, line: dict[str, Any]) -> None:
        """Adds a line to a session's log (REST connector)."""
        await self._call("POST", "/v2/pluginLog", api_key, body=line)

    async def plugin_response(self, api_key: str, event: dict[str, Any]) -> None:
        """Hands in a `response` object (export plugins of the REST connector, and calls that the hub gave up)."""
        await self._call("POST", "/v2/pluginResponse", api_key, body=event)

    async def _call(
        self, method: str, path: str, api_key: str, *, params: dict[str, Any] | None = None, body: Any = None
    ) -> dict[str, Any]:
        if "httpx" not in sys.modules:  # here and not above: the window is there before it
            await asyncio.to_thread(importlib.import_module, "httpx")
        import httpx

        if not (api_key.isascii() and api_key.isprintable() and api_key.strip() == api_key):
            raise HubRefused("The job's API key is none that can be sent", status=401, where=f"{method} {path}")
        headers = {"apikey": api_key}
        if self._http is None:
            verify = await trusted()
            if self._http is None:
                self._http = httpx.AsyncClient(
                    base_url=self._host,
                    timeout=httpx.Timeout(TIMEOUT_S, connect=CONNECT_S),
                    verify=verify,
                    cookies=no_cookies(),
                )
        waits = backoff(0.5, limit=8.0)
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                async with asyncio.timeout(CALL_LIMIT_S):
                    reply = await self._http.request(method, path, params=params, json=body, headers=headers)
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                if last:
                    raise HubUnreachable(_no_answer(error), where=self._host) from error
                await asyncio.sleep(next(waits))
                continue
            except (httpx.HTTPError, TimeoutError) as error:
                # The body may have arrived: only what changes nothing is asked again.
                if last or method != "GET":
                    raise HubUnreachable(_no_answer(error), where=f"{method} {path}") from error
                await asyncio.sleep(next(waits))
                continue
            again = RETRY_STATUSES if method == "GET" else NOTHING_DONE
            if reply.status_code in again and not last:
                await asyncio.sleep(max(retry_after(reply) or 0.0, next(waits)))
                continue
            return _data(reply, f"{method} {path}")
        raise AssertionError("the loop returns or raises")


def _data(reply: httpx.Response, where: str) -> dict[str, Any]:
    status = reply.status_code
    if not reply.is_success:
        refused_key = status in (401, 403)
        remedy = "The API key of the person who ran the plugin was not accepted." if refused_key else ""
        what = f"The hub answered with HTTP status {status}"
        raise HubRefused(what, status=status, where=where, remedy=remedy, retry_after=retry_after(reply) or 0.0)
    try:
        content = reply.json()
    except (ValueError, RecursionError) as error:
        raise HubError("The hub's answer is not JSON", where=where) from error
    data = content.get("data", content) if isinstance(content, dict) else {}
    return data if isinstance(data, dict) else {}


def no_cookies() -> CookieJar:
    """A jar that takes nothing: nobody needs cookies here, and one with odd characters would spoil every later call."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


def retry_after(reply: httpx.Response) -> float | None:
    """Seconds that a server asks to be left alone, from the number or the date it gives, or None."""
    return seconds_asked(reply.headers.get("Retry-After", ""))


def seconds_asked(told: str) -> float | None:
    """The seconds that the value of a `Retry-After` header stands for, or None."""
    try:
        seconds = float(told)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(told).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), LONGEST_RETRY_AFTER_S)


def _no_answer(error: Exception) -> str:
    import httpx

    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "The hub did not answer in time"
    return "The connection to the hub failed"


def _part(value: str) -> str:
    """One segment of a path: ids come from jobs and are not to be trusted with slashes."""
    # A segment of dots alone would be resolved on the way.
    return quote(value, safe="", errors="replace") if value.strip(".") else value.replace(".", "%2E")
