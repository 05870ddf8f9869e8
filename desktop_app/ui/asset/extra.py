"""What to do about a file that only the extra `plugdeck[video]` reads: it differs in the packaged app."""

from __future__ import annotations

import sys

from desktop_app.ui.formats import tr


def how_to_read_it() -> str:
    """The remedy for a sound or a video that cannot be shown here."""
    if getattr(sys, "frozen", False):
        # Nothing can be installed into the packaged app, and FFmpeg would make it larger by a sixth.
        return tr(
            "The packaged app comes without what reads this kind of file. Plugdeck from pip has it: "
            'pip install "plugdeck[video]". The annotations are listed.'
        )
    return tr(
        'Install the extra that reads this kind of file: pip install "plugdeck[video]". The annotations are listed.'
    )
