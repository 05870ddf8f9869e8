from plugdeck_child.models.organization import *  # noqa: F403
