"""From options to a profile."""

from __future__ import annotations

import argparse
import asyncio
import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from desktop_app.cli.parser import SHAPES
from desktop_app.core.errors import UsageError
from desktop_app.core.profile import (
    REMOTE_CONCURRENCY,
    CallbackSource,
    Detection,
    OnnxSource,
    Profile,
    RemoteSource,
)
from desktop_app.runner.inspect import read_class_list

ModelSource = OnnxSource | CallbackSource | RemoteSource


def has_model(options: argparse.Namespace) -> bool:
    """Whether a model was named."""
    return any(value is not None for value in (options.onnx, options.script, options.remote))


def source_of(options: argparse.Namespace) -> ModelSource:
    """The model source that the options name.

    Raises:
        UsageError: a file is not there, or options do not fit together.
    """
    if options.remote is not None:
        if options.python is not None or options.provider is not None or options.unload_after is not None:
            raise UsageError(
                "--python, --provider and --unload-after do not go with --remote", remedy="Leave them out."
            )
        return remote_source(options)
    for option in _REMOTE:
        if getattr(options, option):
            raise UsageError(f"--{option.replace('_', '-')} goes with --remote", remedy="Leave it out.")
    if options.onnx is not None:
        if options.python is not None:
            raise UsageError("--python goes with --script", remedy="Leave it out.")
        path = existing_file(options.onnx)
        return OnnxSource(path=path, provider=options.provider or "cpu", unload_after_s=options.unload_after)
    for option, value in (("--provider", options.provider), ("--unload-after", options.unload_after)):
        if value is not None:
            raise UsageError(f"{option} goes with --onnx", remedy="Leave it out.")
    python = options.python
    if python is not None:
        # Not resolved: a virtual environment's python is a link, and following it leaves the environment.
        python = existing_file(python, resolve=False)
    return CallbackSource(script=existing_file(options.script), python=python)


def remote_source(options: argparse.Namespace) -> RemoteSource:
    """The model on a server that the options name.

    Raises:
        UsageError: one of them is missing or cannot be right.
    """
    if not options.model:
        raise UsageError("--remote needs the model's name", remedy="Add --model NAME.")
    try:
        source = RemoteSource(
            url=options.remote,
            model=options.model,
            version=options.model_version or "",
            allow_insecure=options.allow_insecure_remote,
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        option = {"url": "--remote", "version": "--model-version"}.get(str(first["loc"][0]), "--model")
        raise UsageError(f"{option}: {first['msg'].removeprefix('Value error, ')}") from error
    if not source.encrypted_enough:
        raise UsageError(
            "The model server's address is plain http, so anybody on the way could see pictures and token",
            where=source.url,
            remedy="Give its https address, or add --allow-insecure-remote.",
        )
    return source


def token_of(options: argparse.Namespace) -> str | None:
    """The token for the model server in the variable that the options name, or None where they name none.

    Raises:
        UsageError: the variable is not set.
    """
    if not options.token_env:
        return None
    token = os.environ.get(options.token_env, "").strip()
    if not token:
        raise UsageError(
            "The variable with the token is not set", where=options.token_env, remedy="Set it and try again."
        )
    return token


_REMOTE = ("model", "model_version", "token_env", "allow_insecure_remote")


async def profile_of(name: str, host: str, plugin_id: str, options: argparse.Namespace) -> Profile:
    """The profile that the options describe.

    Raises:
        UsageError: a value does not fit.
        ModelLoadError: the file of class names cannot be read.
    """
    fields: dict[str, Any] = {"name": name, "host": host, "plugin_id": plugin_id, "source": source_of(options)}
    detection: dict[str, Any] = {}
    if options.confidence is not None:
        detection["confidence"] = options.confidence
    if options.iou is not None:
        detection["iou"] = options.iou
    if options.classes is not None:
        detection["classes"] = await class_names(options.classes)
    if options.shape is not None:
        detection["shape"] = SHAPES[options.shape]
    at_once = REMOTE_CONCURRENCY if options.remote is not None else None
    given = {
        "concurrency": options.concurrency or at_once,
        "timeout_s": options.timeout,
        "memory_limit_mb": options.memory_limit,
        "answer_format": options.answer_format,
        "allow_private_assets": options.allow_private_assets or None,
        "allow_insecure_host": options.allow_insecure_host or None,
    }
    fields.update({key: value for key, value in given.items() if value is not None})
    try:
        return Profile.model_validate({**fields, "detection": Detection.model_validate(detection)})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = _FIELDS.get(str(first["loc"][-1]), ".".join(str(part) for part in first["loc"]))
        raise UsageError(f"{field}: {first['msg'].removeprefix('Value error, ')}") from error


_FIELDS = {
    "name": "The profile's name",
    "host": "--host",
    "plugin_id": "--id",
    "concurrency": "--concurrency",
    "timeout_s": "--timeout",
    "memory_limit_mb": "--memory-limit",
}


async def class_names(text: str) -> tuple[str, ...]:
    """Class names from `a,b,c`, or from a file: one name a line, data.yaml, or config.json.

    Raises:
        UsageError: there are none, or it looks like the name of a file that is not there.
        ModelLoadError: the file cannot be read.
    """
    path = await asyncio.to_thread(_list_file, text)
    if path is not None:
        return await read_class_list(path)
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise UsageError("There are no class names", where=text, remedy="Give --classes a,b,c or a file.")
    return names


def _list_file(text: str) -> Path | None:
    path = Path(text).expanduser()
    if path.is_file():
        return path
    if path.suffix.lower() in _LISTS or path.is_dir():
        raise UsageError("There is no such file of class names", where=text, remedy="Check the path.")
    return None


_LISTS = frozenset({".txt", ".names", ".yaml", ".yml", ".json"})


def existing_file(path: Path, *, resolve: bool = True) -> Path:
    """The absolute path of a file.

    Args:
        resolve: whether links are followed.

    Raises:
        UsageError: it is not there, or is no file.
    """
    path = path.expanduser()
    if path.is_dir():
        raise UsageError("This is a folder, not a file", where=str(path), remedy="Name a file in it.")
    if not path.is_file():
        raise UsageError("There is no such file", where=str(path), remedy="Check the path.")
    return path.resolve() if resolve else path.absolute()
