from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desktop_app.doctor.certificate import read_certificate


def test_issuer_and_dates(servers: Any, tmp_path: Path) -> None:
    _, der = servers.certificate(tmp_path, days=40, age_days=2, name="hub.example", issuer="Acme Ünspection CA")
    found = read_certificate(der)
    assert (found.subject, found.issuer) == ("hub.example", "Acme Ünspection CA")
    assert not found.self_signed
    assert abs(found.not_after - datetime.now(UTC) - timedelta(days=40)) < timedelta(minutes=5)
    assert abs(datetime.now(UTC) - found.not_before - timedelta(days=2)) < timedelta(minutes=5)
    assert read_certificate(servers.certificate(tmp_path)[1]).self_signed
    assert read_certificate(servers.certificate(tmp_path, days=20_000)[1]).not_after.year > 2050


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 400), flipped=st.integers(0, 400), value=st.integers(0, 255))
def test_anything_else_is_refused(servers: Any, tmp_path: Path, cut: int, flipped: int, value: int) -> None:
    if not hasattr(servers, "der"):
        servers.der = servers.certificate(tmp_path)[1]
    data = bytearray(servers.der)
    data[flipped % len(data)] = value
    for attempt in (bytes(data), bytes(data)[:cut]):
        try:
            read_certificate(attempt)
        except ValueError:
            pass
    with pytest.raises(ValueError, match=r".*"):
        read_certificate(b"")
