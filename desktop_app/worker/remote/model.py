"""A model on a server, answered for like a file: described once, run by calls, looked at again when it has changed."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from desktop_app.core.errors import KnownError, ModelError, ModelLoadError
from desktop_app.core.prediction import Prediction
from desktop_app.core.profile import Detection, RemoteSource
from desktop_app.worker.onnx.facts import Facts, gather
from desktop_app.worker.onnx.identify import corrected, declined, identify_facts, named
from desktop_app.worker.onnx.inspect import tell
from desktop_app.worker.onnx.predict import Asked, predict
from desktop_app.worker.onnx.sidecars import Sidecars
from desktop_app.worker.onnx.spec import Array, Identification, Task
from desktop_app.worker.onnx.sureness import chosen_parts, sureness
from desktop_app.worker.remote.connection import Answer, Connection, Refused, ServerAway
from desktop_app.worker.remote.describe import Description, describe
from desktop_app.worker.remote.protocol import NotTheProtocol, decode, encode
from desktop_app.worker.remote.words import of_a_server

T = TypeVar("T")

PATIENCE_S = 5.0
"""How long a server that is not ready is waited for when the model is opened."""
PROBE_LIMIT_S = 120.0
"""How long it may take over the first run: a model that has just been loaded is slow then."""
_READY_LIMIT_S = 5.0
_NO_BINARY = frozenset({400, 405, 406, 411, 415, 422, 500, 501})
"""Statuses by which servers without the binary extension refuse its bodies."""


class Cancelled(Exception):
    """Nobody waits for the answer any more."""


class Call:
    """What runs the tensors of one job: its time limit, and the way to end it early. See `Inference`.

    Args:
        until: `time.monotonic()` at which it is given up.

    Attributes:
        run_ms: how long the server took, the wait for its turn and calls that failed left out.
        lost: the error of a server that was not there, or not for us.
    """

    def __init__(self, server: RemoteServer, until: float) -> None:
        self.notes: list[str] = []
        self.run_ms: float | None = None
        self.lost: ModelError | None = None
        self._server = server
        self._until = until
        self._lock = threading.Lock()
        self._future: concurrent.futures.Future[Any] | None = None
        self._cancelled = False

    def run(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """See `Inference`.

        Raises:
            Cancelled: `cancel` was called.
        """
        return self._server.infer(feeds, self)

    def cancel(self) -> None:
        """Ends what is under way; from any thread."""
        with self._lock:
            self._cancelled = True
            if self._future is not None:
                self._future.cancel()

    def wait_for(self, coro: Coroutine[Any, Any, T]) -> T:
        """The outcome of a coroutine of the connection's."""
        with self._lock:
            if self._cancelled:
                coro.close()
                raise Cancelled
            future = self._server.connection.submit(coro)
            self._future = future
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise Cancelled from None
        except ServerAway as error:
            self.lost = error
            raise
        except Refused as error:
            if error.status in (401, 403):
                self.lost = error
            raise

    @property
    def until(self) -> float:
        """See the class."""
        return self._until


class RemoteServer:
    """One model's calls. Safe to use from several threads.

    Raises (on construction):
        ModelLoadError: the address is plain http and leads elsewhere, and that was not allowed.
    """

    def __init__(self, source: RemoteSource, token: str, *, at_once: int = 1) -> None:
        if not source.encrypted_enough:
            raise ModelLoadError(
                "The model server's address is plain http, so anybody on the way could see pictures and token",
                where=source.url,
                remedy="Use its https address, or allow it explicitly (command line: --allow-insecure-remote).",
            )
        self.source = source
        self.connection = Connection(source.url, token, at_once=at_once)
        self.description: Description | None = None
        self.binary: bool | None = None

    def look(self, until: float, call: Call) -> Description:
        """Reads the model's description anew; see `describe`."""
        found = call.wait_for(describe(self.connection, self.source.model, self.source.version, until))
        if self.binary is None or found.binary:
            self.binary = found.binary
        self.description = found
        return found

    def infer(self, feeds: Mapping[str, Array], call: Call) -> dict[str, Array]:
        """Runs the model; in the way that the server understands, which the first run finds out.

        Raises:
            ServerAway, Refused, NotTheProtocol, Cancelled: it did not work.
        """
        if self.binary is not None:
            return self._infer(feeds, call, binary=self.binary)
        try:
            outputs = self._infer(feeds, call, binary=True)
        except (Refused, NotTheProtocol) as error:
            if isinstance(error, Refused) and error.status not in _NO_BINARY:
                raise
            outputs = self._infer(feeds, call, binary=False)
            self.binary = False
        else:
            self.binary = True
        return outputs

    def _infer(self, feeds: Mapping[str, Array], call: Call, *, binary: bool) -> dict[str, Array]:
        assert self.description is not None  # noqa: S101
        wanted = tuple(item.name for item in self.description.outputs)
        headers, body = encode(feeds, wanted, binary=binary)
        answer, call.run_ms = call.wait_for(self._post(headers, body, call.until))
        return decode(answer.headers, answer.body, wanted)

    async def _post(self, headers: Mapping[str, str], body: bytes, until: float) -> tuple[Answer, float]:
        assert self.description is not None  # noqa: S101
        path = self.description.path

        async def ready() -> bool:
            return await self.connection.says_yes(f"{path}/ready", _READY_LIMIT_S)

        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await self.connection.turns.acquire()
        except TimeoutError:
            raise ModelError(
                "The model server was busy with other jobs for the whole time limit",
                where=self.source.url,
                remedy="Raise the time limit, or let more jobs run at once if the server has replicas.",
            ) from None
        try:
            started = time.perf_counter()
            answer = await self.connection.call("POST", f"{path}/infer", until, headers=headers, body=body, ready=ready)
            return answer, (time.perf_counter() - started) * 1000
        finally:
            self.connection.turns.release()


@dataclass(frozen=True)
class _Opened:
    description: Description
    facts: Facts
    found: Identification
    sure: Mapping[str, Any]


class RemoteModel:
    """A model on a server that answers for pictures. Safe to use from several threads.

    Args:
        token: the bearer token, or "".
        at_once: calls in flight; who waits for its turn has prepared its picture already.
        timeout_s: how long a job may take, all attempts together.
        say: gets a line when the model is looked at again.

    Raises (on construction):
        ServerAway: it cannot be reached or is not ready.
        ModelLoadError: it has no such model, or the model is nothing that gives annotations.
        ModelError: the token is not accepted, or it is no such server.
    """

    def __init__(
        self,
        source: RemoteSource,
        detection: Detection,
        token: str = "",
        *,
        at_once: int = 1,
        timeout_s: float = 120.0,
        say: Callable[[str], None] = print,
    ) -> None:
        self._source = source
        self._detection = detection
        self._timeout_s = timeout_s
        self._say = say
        self._looking = threading.Lock()
        self._server = RemoteServer(source, token, at_once=at_once)
        try:
            self._opened = self._open(PATIENCE_S, Call(self._server, time.monotonic() + PROBE_LIMIT_S))
        except BaseException:
            self._server.connection.close()
            raise

    @property
    def info(self) -> dict[str, Any]:
        """What the host shows: all of `plugdeck inspect`, and what the server says of itself."""
        opened = self._opened
        told = {**opened.found.as_json(), "sure": dict(opened.sure), "notes": []}
        return {**retold(told), "provider": "server", "server": shown(self._server)}

    def close(self) -> None:
        """Ends the calls."""
        self._server.connection.close()

    def call(self) -> Call:
        """A call for one job; its time begins now."""
        # The host ends this whole process when its own limit is over; the job is to fail alone before that.
        limit = self._timeout_s - min(2.0, 0.1 * self._timeout_s)
        return Call(self._server, time.monotonic() + limit)

    def predict(
        self, path: Path, *, page: int = 0, overrides: dict[str, Any] | None = None, call: Call | None = None
    ) -> Prediction:
        """Answers for one picture.

        Raises:
            AssetError: the picture cannot be read.
            ModelError: the server failed on it, or could not be had in time.
            Cancelled: the call was cancelled.
        """
        call = call or self.call()
        asked = Asked(path, page, overrides)
        opened = self._opened
        notes: list[str] = []
        try:
            return self._predict(asked, opened, call, notes)
        except ServerAway:
            raise
        except ModelError:
            # Another version of the model is a reason for all of these; where it is the same, they stand.
            changed = self._look_again(opened, call)
            if changed is None:
                raise
        notes = ["The server's model has changed and was looked at again."]
        return self._predict(asked, changed, call, notes)

    def _predict(self, asked: Asked, opened: _Opened, call: Call, notes: list[str]) -> Prediction:
        found = predict(asked, opened.found, opened.facts, self._detection, call, nullcontext(), notes)
        return found if call.run_ms is None else replace(found, run_ms=round(call.run_ms, 3))

    def _look_again(self, before: _Opened, call: Call) -> _Opened | None:
        """The model if it is another one by now, else None."""
        with self._looking:
            if self._opened is not before:
                return self._opened
            try:
                description = self._server.look(min(call.until, time.monotonic() + PATIENCE_S), call)
                if description == before.description:
                    return None
                self._opened = self._identify(description, call)
            except KnownError:
                self._server.description = before.description
                return None
        self._say(f"The model {self._source.model} has changed on its server and was looked at again.")
        return self._opened

    def _open(self, patience_s: float, call: Call) -> _Opened:
        return self._identify(self._server.look(time.monotonic() + patience_s, call), call)

    def _identify(self, description: Description, call: Call) -> _Opened:
        facts = facts_of(description, call)
        chosen, classes = self._source.overrides.get("family"), self._detection.classes
        found = identify_facts(facts, only=chosen if isinstance(chosen, str) else None)
        sure = sureness(found, facts, found, chosen_parts(self._source.overrides, classes))
        found = named(corrected(found, self._source.overrides), classes)
        if found.task is Task.UNSUPPORTED:
            error = declined(found, self._source.model)
            raise ModelLoadError(of_a_server(error.what), where=error.where, remedy=of_a_server(error.remedy))
        return _Opened(description, replace(facts, sampled={}), found, sure)


def facts_of(description: Description, call: Call) -> Facts:
    """What identification looks at: the description, and one run on noise.

    Raises:
        ServerAway, Refused: it went away meanwhile, or the token is good for looking only.
    """
    facts = gather(description.graph(), call, Sidecars())
    if call.lost is not None:
        raise call.lost
    return facts


def inspect_remote(
    source: RemoteSource,
    token: str = "",
    *,
    picture: Path | None = None,
    only: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What a server's model is and why; see `identify` for the arguments and the object.

    Raises:
        ServerAway, ModelLoadError, ModelError: see RemoteModel.
        AssetError: the picture cannot be read.
    """
    server = RemoteServer(source, token)
    try:
        call = Call(server, time.monotonic() + PROBE_LIMIT_S)
        facts = facts_of(server.look(time.monotonic() + PATIENCE_S, call), call)
        told = tell(facts, call, picture=picture, only=only, overrides=overrides)
        return {**retold(told), "server": shown(server)}
    finally:
        server.connection.close()


def retold(told: Mapping[str, Any]) -> dict[str, Any]:
    """What identification says, its reasons and warnings said of a server."""
    return {key: of_a_server(value) if key in ("why", "warnings", "sure") else value for key, value in told.items()}


def shown(server: RemoteServer) -> dict[str, Any]:
    """What the server says of itself and its model, and how tensors travel."""
    description = server.description
    told = {} if description is None else description.as_json()
    return {"url": server.source.url, **told, "binary": server.binary is not False}
