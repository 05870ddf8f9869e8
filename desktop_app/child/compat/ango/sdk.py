"""The hub's HTTP API."""

from plugdeck_child.sdk import SDK

__all__ = ["SDK"]
