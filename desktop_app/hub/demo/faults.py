"""Switches that make the demo hub misbehave the way real ones do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Refusal = Literal["disconnect", "silence"]
"""What a refused login sees: the connection closed right after the heartbeat, or nothing at all (facts:
hub-protocol, Connection)."""

BAD_GATEWAY = """<html>
<head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body>
</html>
"""


@dataclass(slots=True)
class HttpFault:
    """An answer that HTTP calls get instead of the real one.

    Attributes:
        prefix: of the path, such as "/v2/annotate/" or "/files/".
        times: how many calls more, or None for all.
    """

    prefix: str
    times: int | None
    status: int = 502
    body: str = BAD_GATEWAY
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Faults:
    """All switches, off at first. They may be set at any moment and act from then on.

    Attributes:
        wrong_login: what a wrong id or secret sees.
        close_at_heartbeat: every heartbeat is accepted, and then its connection is closed.
        handshake_delay: seconds before a Socket.IO connection is accepted.
        http_delay: seconds before any HTTP call is worked on, for paths that start with `delay_prefix`.
        cut_files_after: files break off after that many bytes, with the connection; None: whole files.
        lost_responses: that many `response` events are thrown away and their connection is cut, as when the
            network fails at the worst moment.
    """

    wrong_login: Refusal = "disconnect"
    close_at_heartbeat: bool = False
    handshake_delay: float = 0.0
    http_delay: float = 0.0
    delay_prefix: str = "/"
    cut_files_after: int | None = None
    lost_responses: int = 0
    _refused: dict[str, Refusal] = field(default_factory=dict)
    _http: list[HttpFault] = field(default_factory=list)

    def refuse_login(self, plugin_id: str, how: Refusal = "disconnect") -> None:
        """From now on that plugin's heartbeats are refused, right secret or not."""
        self._refused[plugin_id] = how

    def accept_login(self, plugin_id: str) -> None:
        """Takes a `refuse_login` back."""
        self._refused.pop(plugin_id, None)

    def refusal(self, plugin_id: str) -> Refusal | None:
        """How that plugin is to be refused, or None."""
        return self._refused.get(plugin_id)

    def fail_http(
        self,
        prefix: str = "/v2/",
        *,
        times: int | None = None,
        status: int = 502,
        body: str = BAD_GATEWAY,
        headers: dict[str, str] | None = None,
    ) -> HttpFault:
        """Answers calls to paths with that prefix with an HTML error page, `times` times (None: until cleared)."""
        fault = HttpFault(prefix, times, status, body, dict(headers or {}))
        self._http.append(fault)
        return fault

    def take_http_fault(self, path: str) -> HttpFault | None:
        """The fault that this call meets, counted down, or None."""
        for fault in self._http:
            if path.startswith(fault.prefix):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._http.remove(fault)
                return fault
        return None

    def take_lost_response(self) -> bool:
        """Whether the response that just came is to be lost, counted down."""
        if self.lost_responses <= 0:
            return False
        self.lost_responses -= 1
        return True

    def clear(self) -> None:
        """Everything off again."""
        fresh = Faults()
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(fresh, name))


def malformed_jobs(session: str = "malformed") -> Iterator[tuple[str, Any]]:
    """Payloads of the `plugin` event that no careful hub sends, each with a short name.

    Where the payload has a usable session it is `session` plus the name, so that every one is told apart.
    """
    for name, payload in (
        ("null", None),
        ("text", "run please"),
        ("number", 7),
        ("list", [{"session": session}]),
        ("empty", {}),
        ("session null", {"session": None}),
        ("session number", {"session": 12345}),
        ("session list", {"session": ["a"]}),
    ):
        yield name, payload
    for name, fields in (
        ("only session", {}),
        ("url number", {"dataURL": 5}),
        ("url empty", {"dataURL": ""}),
        ("url file", {"dataURL": "file:///etc/hostname"}),
        ("url nonsense", {"dataURL": "http://[::1"}),
        ("schema text", {"categorySchema": "Vehicle"}),
        ("schema dict", {"categorySchema": {"schemaId": "1", "modelClass": "bolt"}}),
        ("schema rows", {"categorySchema": [None, 5, {"schemaId": 3}, {"modelClass": "bolt"}, {}]}),
        ("config broken", {"configJSON": "{not json"}),
        ("config dict", {"configJSON": {"threshold": 1}}),
        ("config number", {"configJSON": 5}),
        ("batches text", {"batches": "morning", "tags": 3}),
        ("workflow text", {"workflow": "yes", "taskId": ["x"]}),
        ("workflow no task", {"workflow": True}),
        ("overwrite text", {"overwrite": "no", "taskId": None}),
        ("key number", {"apiKey": 1, "projectId": {}, "orgId": [], "runBy": 0.5}),
        ("reserved names", {"logger": "mine", "self": 1, "assetPath": "/etc/hostname", "__class__": "x"}),
        ("deep", {"extra": _nested(80)}),
        ("many keys", {f"extra{index}": "x" * 40 for index in range(18_000)}),
    ):
        yield name, {"session": f"{session} {name}", **fields}


def _nested(depth: int) -> JsonTree:
    tree: JsonTree = {}
    for _ in range(depth):
        tree = {"inner": [tree]}
    return tree


JsonTree = dict[str, Any]
