from __future__ import annotations

from typing import Any

from desktop_app.core.events import ProfileStatus
from desktop_app.ui.plugins.model import PluginModel


def test_a_job_told_twice_counts_once(qapp: Any, tools: Any) -> None:
    model = PluginModel()
    profile = tools.profile("V")
    model.put(profile, ProfileStatus(profile.id))
    record = tools.job(profile)
    model.take_job(record)
    model.take_job(record)  # its picture came after its answer
    row = model.find(profile.id)
    assert row is not None
    assert (row.jobs, len(row.bars)) == (1, 1)


def test_what_a_model_runs_on_is_in_the_figures(qapp: Any, tools: Any) -> None:
    model = PluginModel()
    profile = tools.profile("V")
    model.put(profile, ProfileStatus(profile.id))
    row = model.find(profile.id)
    assert row is not None
    assert "runs on" not in row.figures
    row.runs_on = "cuda"
    assert "runs on CUDA" in row.figures
