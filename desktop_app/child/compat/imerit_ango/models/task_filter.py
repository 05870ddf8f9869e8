from plugdeck_child.models.task_filter import *  # noqa: F403
