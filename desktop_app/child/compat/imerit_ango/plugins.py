"""Plugin classes and `run`, handing over to the host instead of connecting."""

from plugdeck_child.plugins import (
    CONNECTOR,
    LOGLEVEL,
    PORT,
    BasePlugin,
    BatchModelPlugin,
    ExportPlugin,
    ExportResponse,
    FileExplorerPlugin,
    InputPlugin,
    MarkdownPlugin,
    ModelPlugin,
    Plugin,
    run,
)

from plugdeck_child.logger import PluginLogger

__all__ = [
    "CONNECTOR",
    "LOGLEVEL",
    "PORT",
    "BasePlugin",
    "BatchModelPlugin",
    "ExportPlugin",
    "ExportResponse",
    "FileExplorerPlugin",
    "InputPlugin",
    "MarkdownPlugin",
    "ModelPlugin",
    "Plugin",
    "PluginLogger",
    "run",
]
