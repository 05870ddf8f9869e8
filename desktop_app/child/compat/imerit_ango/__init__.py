"""Stands in for the published client where an interpreter does not have it."""
