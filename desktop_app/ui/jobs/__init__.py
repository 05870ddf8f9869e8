"""Filmstrip and history."""
