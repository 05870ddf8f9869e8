"""Merging of annotations, as scripts of the current generation do it themselves."""

from plugdeck_child.merge import merged
from plugdeck_child.models.annotate import Answer


def merge_annotations(available_annotations, new_annotations):
    """The new answer together with what a task has."""
    return Answer(**merged(available_annotations, new_annotations.toDict()))
