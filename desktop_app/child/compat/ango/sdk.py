"""The hub's HTTP API."""

from plugdeck_child.sdk import DocumentedSDK as SDK  # noqa: N814

__all__ = ["SDK"]
