"""Everything breaks, nothing is lost: see `ledger` for what that means.

The seed is printed; `CHAOS_SEED=…` plays a run's faults again, `CHAOS_JOBS` and `CHAOS_FAULTS` change the long run,
which `CHAOS_SECONDS` brings to an end before it has played them all.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.chaos.harness import Chaos
from tests.chaos.report import slope, table

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.name != "posix", reason="freezes and kills processes with signals"),
]

MOST_SLOPE_MB = 1.0
"""Memory of the app may rise by so much per 1,000 jobs of one life and is called flat: noise of the allocator."""


def _seed() -> int:
    return int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))


@pytest.mark.timeout(600)
async def test_500_jobs_through_20_faults(tmp_path: Path) -> None:
    seed = _seed()
    print(f"CHAOS_SEED={seed}")
    async with Chaos(tmp_path, seed=seed, jobs=500, faults=20) as chaos:
        outcome = await chaos.play()
    print(table(outcome))
    assert outcome.wrong == [], f"CHAOS_SEED={seed}"
    assert outcome.jobs == 500
    assert len(outcome.faults) == 20


@pytest.mark.soak
@pytest.mark.timeout(8 * 3600)
async def test_20_000_jobs_through_500_faults(tmp_path: Path) -> None:
    seed = _seed()
    jobs, faults = int(os.environ.get("CHAOS_JOBS", "20000")), int(os.environ.get("CHAOS_FAULTS", "500"))
    limit_s = float(os.environ.get("CHAOS_SECONDS", "inf"))
    print(f"CHAOS_SEED={seed}")
    async with Chaos(tmp_path, seed=seed, jobs=jobs, faults=faults, calm_app_after=0.6, limit_s=limit_s) as chaos:
        outcome = await chaos.play()
    print(table(outcome))
    assert outcome.wrong == [], f"CHAOS_SEED={seed}"
    assert (outcome.jobs == jobs and len(outcome.faults) == faults) or limit_s < outcome.seconds
    flat = slope(outcome.samples)
    assert flat is None or flat[0] <= MOST_SLOPE_MB
