from plugdeck_child.models.enums import *  # noqa: F403
