"""Batch model plugins without code: a model runs over a whole project and pre-labels it."""
