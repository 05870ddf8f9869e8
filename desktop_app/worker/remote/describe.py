"""What a server says of a model: whether it is ready, its tensors and parameters, made into the facts of a file."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from desktop_app.core.errors import ModelLoadError, UsageError
from desktop_app.core.notes import quoted
from desktop_app.worker.onnx.classes import literal_names, parse_classes
from desktop_app.worker.onnx.graph import Graph, TensorFact
from desktop_app.worker.remote.connection import Connection, Refused, ServerAway
from desktop_app.worker.remote.protocol import NotTheProtocol, tensor_facts

NAME_KEYS = ("names", "classes", "labels", "class_names")
_ASK_AGAIN_S = 0.5
_MOST_LISTED = 8


@dataclass(frozen=True)
class Description:
    """A model as its server describes it.

    Attributes:
        path: of its calls, such as `/v2/models/fasteners`.
        server: the server's own name and version, "" where it does not say.
        platform: what runs the model there.
        versions: that are there.
        parameters: of the model, its configuration and its tensors, as texts.
        binary: whether it says that tensors may travel as bytes; None: it says nothing.
    """

    name: str
    path: str
    server: str = ""
    platform: str = ""
    versions: tuple[str, ...] = ()
    inputs: tuple[TensorFact, ...] = ()
    outputs: tuple[TensorFact, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    binary: bool | None = None

    def graph(self) -> Graph:
        """The same in the form that identification knows: a file without operators and weights."""
        return Graph(
            path=Path(self.name),
            inputs=self.inputs,
            outputs=self.outputs,
            metadata=dict(self.parameters),
            ops=Counter(),
            opset=0,
            producer=self.platform,
            size=0,
            ops_known=False,
        )

    def as_json(self) -> dict[str, Any]:
        """What a person is shown of it."""
        return {
            "server": self.server,
            "model": self.name,
            "platform": self.platform,
            "versions": list(self.versions),
            "inputs": [item.text() for item in self.inputs],
            "outputs": [item.text() for item in self.outputs],
            "parameters": dict(self.parameters),
        }


def model_path(model: str, version: str) -> str:
    """The address of a model's calls within its server."""
    path = f"/v2/models/{quote(model, safe='')}"
    return f"{path}/versions/{quote(version, safe='')}" if version else path


async def describe(connection: Connection, model: str, version: str, until: float) -> Description:
    """Waits until the model is ready and reads what is said of it.

    Args:
        until: `time.monotonic()` at which a model that is not ready is given up.

    Raises:
        ServerAway: no connection, or the model is there and not ready.
        ModelLoadError: the server has no such model, or does not say what it takes.
        Refused: the token, for one, is not accepted.
        NotTheProtocol: it is another kind of server.
    """
    path = model_path(model, version)
    try:
        await connection.call("GET", "/v2/health/ready", until)
    except Refused as error:
        if error.status in (401, 403):
            raise  # other errors: gateways pass on the models' own addresses alone
    while True:
        try:
            await connection.call("GET", f"{path}/ready", until)
            told = await connection.ask(path, until)
            break
        except Refused as error:
            if error.status in (401, 403) or 300 <= error.status < 400:
                raise
            there = await _listed(connection, until)
            if there is not None and model not in there:
                raise _unknown(connection, model, there) from None
            if time.monotonic() + _ASK_AGAIN_S >= until:
                raise _not_ready(connection, model, error) from None
        await asyncio.sleep(_ASK_AGAIN_S)
    server, extensions = await _server(connection, until)
    config = await _config(connection, path, until) if "model_configuration" in extensions else {}
    if not isinstance(told.get("inputs"), list) or not told["inputs"]:
        raise ModelLoadError(
            f"The model server does not say what the model {quoted(model)} takes",
            where=connection.url,
            remedy="Describe its inputs and outputs there: in MLServer's model-settings.json or Triton's config.pbtxt.",
        )
    versions = told.get("versions")
    return Description(
        name=model,
        path=path,
        server=server,
        platform=str(told.get("platform") or "")[:80],
        versions=tuple(str(item)[:40] for item in versions) if isinstance(versions, list) else (),
        inputs=tensor_facts(told["inputs"], "inputs"),
        outputs=tensor_facts(told.get("outputs") or [], "outputs"),
        parameters=_parameters(told, config),
        binary=_speaks_binary(server, extensions),
    )


def _speaks_binary(server: str, extensions: tuple[str, ...]) -> bool | None:
    if "binary_tensor_data" in extensions:
        return True
    # Seen of 1.7.1: it answers such a body with HTTP 500 and a page of its log.
    return False if server.startswith("mlserver") else None


async def _listed(connection: Connection, until: float) -> tuple[str, ...] | None:
    """Names of the server's models where it has the repository extension, None where it has not."""
    headers = {"Content-Type": "application/json"}
    try:
        answer = await connection.call("POST", "/v2/repository/index", until, headers=headers, body=b"{}")
        listed = json.loads(answer.body)
    except (Refused, ServerAway, NotTheProtocol, ValueError, RecursionError):
        return None
    if not isinstance(listed, list):
        return None
    names = (item.get("name") for item in listed if isinstance(item, dict))
    return tuple(name for name in names if isinstance(name, str))


async def _server(connection: Connection, until: float) -> tuple[str, tuple[str, ...]]:
    """The server's name with its version, and its extensions; empty where it does not say."""
    try:
        told = await connection.ask("/v2", until)
    except (Refused, NotTheProtocol):
        return "", ()
    extensions = told.get("extensions")
    name = f"{told.get('name') or ''} {told.get('version') or ''}".strip()[:80]
    return name, tuple(str(item) for item in extensions) if isinstance(extensions, list) else ()


async def _config(connection: Connection, path: str, until: float) -> dict[str, Any]:
    try:
        return await connection.ask(f"{path}/config", until)
    except (Refused, NotTheProtocol):
        return {}


def _parameters(told: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, str]:
    """All parameters as texts; lists of class names in whatever form become JSON."""
    tensors = [*(told.get("outputs") or []), *(told.get("inputs") or [])]
    found: dict[str, str] = {}
    for holder in (told, config, *tensors):
        given = holder.get("parameters") if isinstance(holder, Mapping) else None
        for key, value in (given if isinstance(given, Mapping) else {}).items():
            if isinstance(value, Mapping) and set(value) == {"string_value"}:  # as Triton's configuration writes it
                value = value["string_value"]
            text = value if isinstance(value, str) else json.dumps(value)
            found.setdefault(str(key), _class_list(text) if key in NAME_KEYS else text)
    return found


def _class_list(text: str) -> str:
    if literal_names(text):
        return text
    try:
        return json.dumps(parse_classes(text))
    except UsageError:
        return text


def _unknown(connection: Connection, model: str, there: tuple[str, ...]) -> ModelLoadError:
    listed = ", ".join(quoted(name) for name in there[:_MOST_LISTED]) + (" …" if len(there) > _MOST_LISTED else "")
    return ModelLoadError(
        f"The model server has no model {quoted(model)}",
        where=connection.url,
        remedy=f"It has {listed}." if listed else "It has none yet: load one there.",
    )


def _not_ready(connection: Connection, model: str, error: Refused) -> ServerAway:
    said = f": {error.details}" if error.details else f" (HTTP {error.status})"
    return ServerAway(
        f"The model server answers, but its model {quoted(model)} is not ready{said}",
        where=connection.url,
        remedy="Check the model's name and the server's log; it may still be loading.",
    )
