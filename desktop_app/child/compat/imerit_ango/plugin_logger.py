"""The logger that a callback gets."""

from plugdeck_child.logger import PluginLogger

__all__ = ["PluginLogger"]
