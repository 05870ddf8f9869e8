"""Kinds of assets with pages or slices, each read by one module."""
