"""Asks a worker what an ONNX file is, so that the app itself never loads onnxruntime."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from desktop_app.core.aio import cancel_and_wait, spawn
from desktop_app.core.errors import ModelLoadError
from desktop_app.core.profile import RemoteSource
from desktop_app.runner.command import PACKAGE, bundled_worker
from desktop_app.runner.environment import child_environment, process_environment
from desktop_app.runner.launch import ModelAway
from desktop_app.runner.process import WorkerProcess

LIMIT_S = 120.0
REMOTE_LIMIT_S = 180.0
"""More than the worker grants a server for its first run, so that it is the worker who says what was too slow."""


async def ask_worker(frame: dict[str, Any], *, limit_s: float = LIMIT_S) -> dict[str, Any]:
    """What a fresh bundled worker answers to one `load` frame: the `info` of its `loaded`.

    Raises:
        ModelLoadError: it says why not, dies, or takes longer than `limit_s` seconds.
    """
    told: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def heard(answer: dict[str, Any], _blob: bytes) -> None:
        if told.done():
            return
        if answer.get("type") == "loaded":
            info = answer.get("info")
            told.set_result(info if isinstance(info, dict) else {})
        elif answer.get("type") == "failed":
            told.set_exception(_failure(answer))

    environment = child_environment(process_environment())
    worker = WorkerProcess(bundled_worker(), environment=environment, cwd=PACKAGE.parent, on_frame=heard)
    await worker.start()
    if worker.capture_fd is not None:
        frame = {**frame, "capture_fd": worker.capture_fd}
    worker.send(frame)
    ended = spawn(worker.wait(), name="worker's end")
    try:
        either: list[asyncio.Future[Any]] = [told, ended]
        await asyncio.wait(either, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        if told.done():
            return told.result()
        cause = worker.death.cause if worker.death else f"it took longer than {limit_s:g} s"
        raise ModelLoadError(f"The worker gave no answer: {cause}")
    finally:
        if not told.cancel() and not told.cancelled():
            told.exception()  # nobody else hears of it where the question was cancelled
        if worker.alive:
            await worker.stop(0.5)
        await cancel_and_wait(ended)


async def inspect_model(path: Path, *, family: str = "", picture: Path | None = None) -> dict[str, Any]:
    """What an ONNX file is and why: the object that `plugdeck inspect --json` prints.

    Args:
        family: name of the family to read it as; "" finds it.
        picture: on which scaling and colour order are tried out where the file does not settle them.

    Raises:
        ModelLoadError: it is no file that onnxruntime can load; says why.
    """
    frame = {"type": "load", "inspect": str(Path.cwd() / path)}  # the worker's working directory is another
    if family:
        frame["family"] = family
    if picture is not None:
        frame["picture"] = str(Path.cwd() / picture)
    return await ask_worker(frame)


async def inspect_remote(
    source: RemoteSource, token: str, *, family: str = "", picture: Path | None = None
) -> dict[str, Any]:
    """The same of a model on a server, with what the server says of itself and its model under `server`.

    Raises:
        ModelAway: it cannot be reached or is not ready; says why.
        ModelLoadError: it does not take the token, has no such model, or speaks another language; says why.
    """
    frame = {"type": "load", "inspect_remote": source.model_dump(mode="json"), "token": token, "family": family}
    if picture is not None:
        frame["picture"] = str(Path.cwd() / picture)
    return await ask_worker(frame, limit_s=REMOTE_LIMIT_S)


async def read_class_list(path: Path) -> tuple[str, ...]:
    """The class names in a list with one a line, a data.yaml or a config.json.

    Raises:
        ModelLoadError: it cannot be read, or holds none.
    """
    info = await ask_worker({"type": "load", "class_list": str(Path.cwd() / path)})
    return tuple(str(name) for name in info.get("classes") or ())


def _failure(frame: dict[str, Any]) -> ModelLoadError:
    kind = ModelAway if frame.get("kind") == "away" else ModelLoadError
    words = {name: str(frame.get(name) or "") for name in ("where", "remedy", "details")}
    return kind(str(frame.get("what") or "The worker failed without a reason"), **words)
