"""An event loop in a thread for targets that are asynchronous."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fuzz.inputs import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    running = Loop()
    yield running
    running.close()
