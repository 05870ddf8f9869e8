"""`ModelPlugin`, its siblings and `run`, as scripts of every generation import them.

`run()` does not connect to a hub: it hands the plugin to the host that started this process, which already has the
connection, and then serves jobs for as long as the host wants (facts: hub-protocol, What the callback gets).
"""

from __future__ import annotations

import logging
import os
from io import BytesIO
from typing import Any, Callable, List, Optional

LOGLEVEL = os.environ.get("LOGLEVEL", "INFO").upper()
CONNECTOR = os.environ.get("CONNECTOR", "WS").upper()
PORT = int(os.environ["PORT"]) if os.environ.get("PORT", "").isdigit() else 8080

built: "List[Plugin]" = []
"""Every plugin the script has built, in order."""

hand_over: Optional[Callable[["Plugin", Optional[str]], None]] = None
"""What `run` calls; set by the process that the host started."""


class Plugin:
    """A plugin of any kind.

    Args:
        id: the plugin's id; the profile's own id is what counts.
        secret: not needed here and not kept: the host holds it.
        callback: answers jobs.
        host: address for HTTP calls; the profile's host when None.
    """

    kind = "model"

    def __init__(
        self, id: Any = None, secret: Any = None, callback: Any = None, host: Optional[str] = None, **options: Any
    ) -> None:
        self.id = id
        self.callback = callback
        self.host = host
        self.concurrency = _count(options.get("concurrency", 1))
        self.version = options.get("version", "v2")
        self.logger = logging.getLogger("plugin")
        built.append(self)

    @property
    def secret(self) -> str:
        """Never given out."""
        return ""

    def start(self, *_: Any, **__: Any) -> None:
        """Hands over this plugin, for scripts that start it themselves."""
        run(self)


BasePlugin = Plugin


class ModelPlugin(Plugin):
    """Answers one asset at a time."""

    def __init__(
        self,
        id: Any = None,
        secret: Any = None,
        callback: Any = None,
        host: Optional[str] = None,
        concurrency: Any = 1,
        **options: Any,
    ) -> None:
        super().__init__(id, secret, callback, host, concurrency=concurrency, **options)


class BatchModelPlugin(Plugin):
    """Works on many assets and returns a message."""

    kind = "batch"


class InputPlugin(Plugin):
    """Brings data into a project and returns a message."""

    kind = "input"


class MarkdownPlugin(Plugin):
    """Returns a document that the hub shows."""

    kind = "markdown"


class FileExplorerPlugin(Plugin):
    """Lists files of a storage."""

    kind = "file-explorer"


class ExportPlugin(Plugin):
    """Turns a project's export into a file."""

    kind = "export"

    def __init__(
        self,
        id: Any = None,
        secret: Any = None,
        callback: Any = None,
        host: Optional[str] = None,
        version: str = "v2",
        **options: Any,
    ) -> None:
        super().__init__(id, secret, callback, host, version=version, **options)


class ExportResponse:
    """What the callback of an export plugin returns since 1.3."""

    def __init__(
        self,
        file: BytesIO,
        file_name: str = "export.json",
        storage_id: Optional[str] = None,
        bucket: Optional[str] = None,
        options: Any = None,
    ) -> None:
        self.file = file
        self.file_name = file_name
        self.storage_id = storage_id
        self.bucket = bucket
        self.options = options


def run(plugin: Any, host: Optional[str] = None, **_: Any) -> None:
    """Serves the plugin's jobs. Returns only where another plugin of the script is the one the profile is for.

    Raises:
        RuntimeError: in a process that the script started: only the process that the host started has its ear.
    """
    if hand_over is None:
        raise RuntimeError("run() works only in the process that Plugdeck started, not in one that the script started")
    hand_over(plugin, host)


def _count(value: Any) -> int:
    try:
        return max(1, int(value))
    except (TypeError, ValueError):
        return 1


# Importing the published client sets up logging to stderr, and scripts rely on their logging.info() being seen.
logging.basicConfig(level=getattr(logging, LOGLEVEL, logging.INFO))
