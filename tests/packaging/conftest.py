"""The packaging scripts are no package of the product: they are found beside it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
sys.path.insert(0, str(PACKAGING))


@pytest.fixture(scope="session")
def packaging() -> Path:
    return PACKAGING
