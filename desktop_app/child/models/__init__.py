"""The published client's model classes, written anew for interpreters that do not have it."""
