from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.e2e


async def test_an_installation_checks_itself(run: Any) -> None:
    code, out, err = await run("--smoke", QT_QPA_PLATFORM="offscreen")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("Plugdeck ")
    assert any(line.startswith("onnx: answered with 1") for line in lines)
    assert any(line.startswith("script: answered with 1 object(s) by Python 3.") for line in lines)
    assert any(line.startswith("window: ") for line in lines)
    assert lines[-1].startswith("All is well")
