"""Finds out why a plugin is not getting jobs: checks from the network up to the model, each with a remedy."""
