from __future__ import annotations

import io
import logging
from typing import Any

import pytest

from desktop_app.child.logger import PluginLogger


def _logger() -> tuple[PluginLogger, list[Any]]:
    lines: list[Any] = []
    return PluginLogger(sink=lambda *line: lines.append(line)), lines


def test_every_level_is_sent() -> None:
    logger, lines = _logger()
    for name in ("debug", "info", "warning", "warn", "error", "critical", "fatal"):
        getattr(logger, name)("m")
    logger.log(25, "m")
    logger.log(logging.ERROR, "m")
    levels = ["DEBUG", "INFO", "WARNING", "WARNING", "ERROR", "CRITICAL", "CRITICAL", "INFO", "ERROR"]
    assert [line[0] for line in lines] == levels
    with pytest.raises(TypeError):
        logger.log("INFO", "m")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("plain",), "plain"),
        (("100%",), "100%"),
        (("step %d of %s", 1, "x"), "step 1 of x"),
        (("%(a)s", {"a": 1}), "1"),
        (("no place", 1, None), "no place 1 None"),
        (("%d", "text"), "%d text"),
        ((["not", "text"],), "['not', 'text']"),
        ((ValueError("bad"),), "bad"),
    ],
)
def test_messages_are_formatted_with_percent(args: Any, text: str) -> None:
    logger, lines = _logger()
    logger.info(*args)
    assert lines[0][1] == text


def test_extra_data_travels_and_what_logging_knows_does_not() -> None:
    logger, lines = _logger()
    logger.info("m", progress=0.5, extra={"more": 1}, stacklevel=2)
    assert lines[0][2] == {"progress": 0.5, "more": 1}


def test_exceptions_bring_their_traceback_as_details() -> None:
    logger, lines = _logger()
    try:
        raise ValueError("inner")
    except ValueError as error:
        logger.exception("failed: %s", error)
        logger.error("again", exc_info=True)  # noqa: G201
        logger.error("again", exc_info=error)
        logger.error("plain")
    assert lines[0][:2] == ("ERROR", "failed: inner")
    assert all("ValueError: inner" in line[3] for line in lines[:3])
    assert lines[3][3] == ""


def test_a_level_and_handlers_of_the_scripts_own() -> None:
    logger, lines = _logger()
    stream = io.StringIO()
    logger.addHandler(logging.StreamHandler(stream))
    logger.setLevel(logging.WARNING)
    logger.info("quiet")
    logger.error("loud %d", 1, progress=1)
    assert [line[1] for line in lines] == ["loud 1"]
    assert stream.getvalue() == "loud 1\n"
