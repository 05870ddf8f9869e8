from plugdeck_child.models.export_options import *  # noqa: F403
