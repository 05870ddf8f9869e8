from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop_app.cli.json_log import JsonLog
from desktop_app.core.events import Level
from desktop_app.host import Host
from desktop_app.store.paths import DataDir


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    made = Host(DataDir(tmp_path / "data"))
    await made.start(serve=False)
    yield made
    await made.stop(0.0)


@pytest.fixture
def handler() -> Iterator[logging.Handler]:
    """The root logger's handler, as `plugdeck` sets it up."""
    made = logging.StreamHandler()
    logging.getLogger().addHandler(made)
    yield made
    logging.getLogger().removeHandler(made)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


async def test_every_line_is_an_object_without_secrets(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    log = JsonLog(host)
    host.secrets._seen.add("s3cr3t-value")
    host.recorder.log(Level.INFO, "logged in with s3cr3t-value\nat https://x.example/a?sig=1", source="script")
    host.recorder.log(Level.DEBUG, "not told")
    host.recorder.log(Level.ERROR, "it failed", details="Traceback …")
    host.recorder.flush()
    first, second = lines(capsys)
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "info", "message": "logged in with •••\nat https://x.example/a", "source": "script",
    }  # fmt: skip
    assert (second["level"], second["details"]) == ("error", "Traceback …")
    log.close()
    host.recorder.log(Level.INFO, "nobody listens")
    host.recorder.flush()
    assert lines(capsys) == []


async def test_libraries_log_in_the_same_form_and_ours_not_twice(
    host: Host, handler: logging.Handler, capsys: pytest.CaptureFixture[str]
) -> None:
    host.secrets._seen.add("s3cr3t-value")
    log = JsonLog(host, Level.WARNING)
    stream = capsys.readouterr()
    assert stream.err == ""
    record = logging.LogRecord("aiohttp.server", logging.ERROR, "x", 1, "failed with %s", ("s3cr3t-value",), None)
    assert handler.filter(record)
    told = json.loads(handler.format(record))
    assert (told["level"], told["message"], told["source"]) == ("error", "failed with •••", "aiohttp.server")
    assert not handler.filter(logging.LogRecord("desktop_app.host", logging.ERROR, "x", 1, "ours", (), None))
    log.close()
    assert handler.filter(logging.LogRecord("desktop_app.host", logging.ERROR, "x", 1, "ours", (), None))
    assert handler.formatter is None, "closed, the log is as it was"


async def test_it_goes_on_when_nobody_gathers_the_log_any_more(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def write(self, _: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    said: list[logging.LogRecord] = []
    monkeypatch.setattr(logging.getLogger("desktop_app.core.events"), "handle", said.append)
    log = JsonLog(host)
    monkeypatch.setattr("sys.stderr", Gone())
    host.recorder.log(Level.INFO, "said to nobody")
    host.recorder.flush()
    log.close()
    assert said == [], "to complain in the log would end here again"
