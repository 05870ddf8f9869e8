"""Plugdeck: a desktop app that hosts a team's own models as Ango Hub plugins."""

__version__ = "0.1.0"
