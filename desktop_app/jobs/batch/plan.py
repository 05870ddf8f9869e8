"""What a job over a whole project asks for (facts: hub-protocol, A job; the pages of the API's assets)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from desktop_app.core.job import Job
from desktop_app.core.profile import CallbackSource, Profile

RETRY_FAILED = "retry_failed"
START_OVER = "start_over"
_OURS = (RETRY_FAILED, START_OVER)


def is_batch(job: Job, profile: Profile) -> bool:
    """Whether a job is for us to run over its project; a script's own batch plugin is handed the job instead."""
    return job.over_project and not isinstance(profile.source, CallbackSource)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Attributes:
        job: as the model's jobs are made of it, without the switches that are for us.
        project_id, batches: which assets; no batches mean the whole project.
        retry_failed: only those that failed in the last run over the project.
        start_over: not where an earlier run with the same plan stopped.
        fingerprint: the same for the same work: project, batches, class mapping, config, model and its options.
    """

    job: Job
    project_id: str
    batches: tuple[str, ...]
    retry_failed: bool
    start_over: bool
    fingerprint: str


def plan_of(job: Job, profile: Profile) -> Plan:
    """The plan of a job over a project; the config JSON may say `{"retry_failed": true}` or `{"start_over": true}`."""
    config, switches = _config(job.config_json)
    plain = replace(job, config_json=config, data={**job.data, "configJSON": config})
    wanted = {
        "project": job.project_id,
        "batches": sorted(job.batches),
        "mapping": job.category_schema,
        "config": config,
        "overwrite": job.overwrite,
        "retry": switches[RETRY_FAILED],
        "profile": profile.model_dump(mode="json", include={"source", "detection", "host"}),
    }
    text = json.dumps(wanted, sort_keys=True, default=repr)
    return Plan(
        job=plain,
        project_id=job.project_id or "",
        batches=job.batches,
        retry_failed=switches[RETRY_FAILED],
        start_over=switches[START_OVER],
        fingerprint=hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(),
    )


def _config(config_json: Any) -> tuple[Any, dict[str, bool]]:
    """The config without the switches that are for us, and these."""
    off = dict.fromkeys(_OURS, False)
    try:
        config = json.loads(config_json) if isinstance(config_json, str) else config_json
    except (ValueError, RecursionError):
        return config_json, off
    if not isinstance(config, dict) or not any(key in config for key in _OURS):
        return config_json, off
    rest = {key: value for key, value in config.items() if key not in _OURS}
    return (json.dumps(rest) if rest else None), {key: config.get(key) is True for key in _OURS}
