from plugdeck_child.models.label_category import *  # noqa: F403
