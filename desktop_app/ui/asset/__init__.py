"""The asset with what was answered on it."""
