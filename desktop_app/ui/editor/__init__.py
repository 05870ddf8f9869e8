"""Adding and editing a profile."""
