"""`plugdeck …` as a process of its own, with waits short enough for a test that breaks things all the time.

Everything else is the real program; started as `python -m tests.chaos.app_process run --json`.
"""

from __future__ import annotations

import functools
import sys

from desktop_app.__main__ import main
from desktop_app.cli import main as commands
from desktop_app.host import Host
from desktop_app.hub.listener import Timing

TIMING = Timing(
    heartbeat=2.0, settle=0.2, quick_drop=1.0, connect=5.0, backoff_first=0.1, backoff_limit=1.0, stable=10.0
)

if __name__ == "__main__":
    commands.Host = functools.partial(Host, timing=TIMING)  # type: ignore[misc, assignment]
    sys.exit(main())
