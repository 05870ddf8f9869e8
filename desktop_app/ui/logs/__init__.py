"""The log table."""
