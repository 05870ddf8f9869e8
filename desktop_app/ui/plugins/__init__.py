"""The list of plugins with their live states."""
