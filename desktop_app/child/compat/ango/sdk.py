"""The hub's HTTP API."""

from plugdeck_child.sdk_documented import DocumentedSDK as SDK  # noqa: N814

__all__ = ["SDK"]
