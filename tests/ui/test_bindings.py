from __future__ import annotations

import subprocess
import sys

LOOKS = """
import linecache, sys
from PySide6.QtCore import QObject
if sys.argv[1] == "settled":
    from desktop_app.ui.bindings import read_no_sources
    read_no_sources()
from desktop_app.ui import states
QObject().setObjectName(states.__name__)
print(sum(name.endswith(("formats.py", "theme.py", "states.py")) for name in linecache.cache))
"""


def _texts_kept(how: str) -> int:
    command = [sys.executable, "-c", LOOKS, how]
    return int(subprocess.run(command, capture_output=True, text=True, check=True, timeout=100).stdout)


def test_the_bindings_read_no_sources() -> None:
    assert _texts_kept("as they are") > 0, "once they do not, what is settled here can go"
    assert _texts_kept("settled") == 0
