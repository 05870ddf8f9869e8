from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.mark.timeout(240)
def test_a_counted_demo_sums_up(cli: Any, tmp_path: Path, data_dir: Path) -> None:
    outcome = cli("demo", "--headless", "--jobs", "3")
    assert outcome.code == 0, outcome.err
    assert outcome.err == ""
    lines = outcome.out.splitlines()
    assert lines[-1] == "3 of 3 jobs delivered, 0 failed; the hub has 3 answers."
    assert sum(" delivered in " in line for line in lines) == 3
    assert not data_dir.exists()  # thrown away with its own


@pytest.mark.timeout(240)
def test_a_failed_job_fails_the_demo(cli: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from desktop_app import demo
    from desktop_app.core.profile import CallbackSource

    script = tmp_path / "raises.py"
    script.write_text(
        "from ango.plugins import ModelPlugin, run\n"
        "def work(**data):\n    raise ValueError('as asked')\n"
        "run(ModelPlugin(id='i', secret='s', callback=work), host='https://h.example')\n"
    )
    bad = demo.SamplePlugin("Bad", "demo-bad", ("x",), CallbackSource(script=script))
    monkeypatch.setattr(demo, "sample_plugins", lambda: (bad,))
    outcome = cli("demo", "--headless", "--jobs", "2", "--data-dir", tmp_path / "kept")
    assert outcome.code == 1
    assert "0 of 2 jobs delivered, 2 failed" in outcome.out
    assert "as asked" in outcome.out
    assert "2 jobs failed" in outcome.err
    assert (tmp_path / "kept" / "plugdeck.db").is_file()
