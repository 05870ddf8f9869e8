from __future__ import annotations

import subprocess
import sys

import pytest

from desktop_app.core.left_out import left_out


def test_inside_it_is_missing_and_afterwards_there_again() -> None:
    with left_out("sndhdr_of_nobody", "json"):
        import json  # loaded already

        assert json.loads("1") == 1
        with pytest.raises(ModuleNotFoundError):
            import sndhdr_of_nobody  # type: ignore[import-not-found]  # noqa: F401
    assert "sndhdr_of_nobody" not in sys.modules


def test_a_connection_loads_no_second_http_library() -> None:
    code = "import sys, desktop_app.hub.connection; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100)
    assert not {"requests", "urllib3", "charset_normalizer", "websocket"} & set(found.stdout.split())
