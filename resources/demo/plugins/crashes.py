"""A plugin script whose process ends with every job, to see how that looks."""

import os

from imerit_ango.plugins import ModelPlugin, run


def annotate(data):
    data["logger"].info("this script ends its own process now")
    os.abort()


if __name__ == "__main__":
    run(ModelPlugin(id="", secret="", callback=annotate))
