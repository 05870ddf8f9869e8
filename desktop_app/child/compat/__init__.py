"""The folder that goes on a script's module path: `ango`, `imerit_ango` and our own package under a name of its own."""
