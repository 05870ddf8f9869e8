"""A plugin script whose weights are not where it looks for them, to see how that looks."""

from pathlib import Path

from imerit_ango.plugins import ModelPlugin, run


def annotate(data):
    return None


if __name__ == "__main__":
    Path("weights-that-are-not-there.pt").read_bytes()
    run(ModelPlugin(id="", secret="", callback=annotate))
