"""Runs one command: opens the host, calls the command, maps what happens to exit codes."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_app.cli.models import has_model
from desktop_app.cli.output import complain
from desktop_app.core.errors import KnownError, UsageError
from desktop_app.host import Host
from desktop_app.reporting import Reporting
from desktop_app.store.paths import DataDir, default_root

if TYPE_CHECKING:
    from desktop_app.cli.json_log import JsonLog

DONE, FAILED, WRONG_USAGE = 0, 1, 2
INTERRUPTED = 130


def run(options: argparse.Namespace) -> int:
    """Does what the parsed options say; returns the exit code."""
    _set_up_logging(options.log_level)
    try:
        return asyncio.run(_command(options))
    except UsageError as error:
        _say_why(error, options)
        return WRONG_USAGE
    except KnownError as error:
        _say_why(error, options)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader at the other end (`| head`) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _say_why(error: KnownError, options: argparse.Namespace) -> None:
    if getattr(options, "log_format", "text") == "json":
        from desktop_app.cli.json_log import failure

        print(failure(str(error)), file=sys.stderr, flush=True)
    else:
        complain(str(error))


async def _command(options: argparse.Namespace) -> int:
    name = options.command
    if name == "demo":
        from desktop_app.cli.demo import headless

        return await headless(options)
    if name == "hub":
        from desktop_app.cli.hub import run as hub

        return await hub(options)
    if name == "new":
        from desktop_app.cli.new import run as new

        return await asyncio.to_thread(new, options)
    if name == "service":
        from desktop_app.cli.service import run as service

        return await asyncio.to_thread(service, options)
    if name == "inspect":
        from desktop_app.cli.inspect import run as inspect

        return await inspect(options)
    if name == "test" and has_model(options):
        # A model without a profile leaves nothing behind.
        with tempfile.TemporaryDirectory(prefix="plugdeck-test-", ignore_cleanup_errors=True) as folder:
            return await _with_host(_on_host(name), DataDir(Path(folder)), options)
    data_dir = DataDir(options.data_dir or default_root())
    if name == "run":
        from desktop_app.cli import serve

        # Before the host starts: it must not be ended halfway.
        return await _with_host(partial(serve.run, stop=serve.Stop()), data_dir, options, serve=True)
    return await _with_host(_on_host(name), data_dir, options)


def _on_host(name: str) -> Callable[[Host, argparse.Namespace], Awaitable[int]]:
    from desktop_app.cli import doctor, jobs, profiles, test

    commands: dict[str, Callable[[Host, argparse.Namespace], Awaitable[int]]] = {
        "profiles": profiles.run,
        "jobs": jobs.run,
        "test": test.run,
        "doctor": doctor.run,
    }
    return commands[name]


async def _with_host(
    command: Callable[[Host, argparse.Namespace], Awaitable[int]],
    data_dir: DataDir,
    options: argparse.Namespace,
    *,
    serve: bool = False,
) -> int:
    host = Host(data_dir)
    json_log = _json_log(host, options)
    with Reporting(host.bug, "plugdeck run", lambda: host.crashes.dump) as reporting:
        try:
            await host.start(serve=serve, who="plugdeck run")
            host.recorder.flush()
            for notice in () if json_log else host.notices:
                complain(notice)
            if serve:
                reporting.watch_signals()
            return await command(host, options)
        finally:
            await host.stop(0.0)
            if json_log is not None:
                json_log.close()


def _json_log(host: Host, options: argparse.Namespace) -> JsonLog | None:
    """From the first line on, where the log is to be JSON."""
    if getattr(options, "log_format", "text") != "json":
        return None
    from desktop_app.cli.json_log import JsonLog
    from desktop_app.core.events import Level

    return JsonLog(host, Level[(options.log_level or "info").upper()])


def _set_up_logging(level: str | None) -> None:
    logging.basicConfig(
        level=(level or "warning").upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
