from plugdeck_child.models.annotate import *  # noqa: F403
