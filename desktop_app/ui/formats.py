"""Numbers and times as people read them."""

from __future__ import annotations

import html
from datetime import datetime, timedelta

from PySide6.QtCore import QCoreApplication, QDate, QLocale


def tr(text: str) -> str:
    """A translated text outside of a widget."""
    return QCoreApplication.translate("Plugdeck", text)


def decimal(number: float, digits: int) -> str:
    """`0.93`, or `0,93` where a comma stands before fractions."""
    return QLocale().toString(float(number), "f", digits)


def local(at: float) -> datetime:
    """A moment (seconds since the epoch) in the person's own time zone."""
    return datetime.fromtimestamp(at).astimezone()


def clock(at: float) -> str:
    """`14:02:11`."""
    return local(at).strftime("%H:%M:%S")


def clock_ms(at: float) -> str:
    """`14:02:11.482`."""
    moment = local(at)
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def day_clock(at: float, now: float) -> str:
    """The time alone for today, else with its day."""
    moment, today = local(at), local(now).date()
    if moment.date() == today:
        return clock(at)
    if moment.date() == today - timedelta(days=1):
        return tr("yesterday {time}").format(time=moment.strftime("%H:%M"))
    day = QDate(moment.year, moment.month, moment.day)
    return f"{QLocale().toString(day, QLocale.FormatType.ShortFormat)} {moment:%H:%M}"


def exact(at: float) -> str:
    """Date, time and offset for a tooltip: `2026-03-04 14:02:11.482 +01:00`."""
    return local(at).isoformat(sep=" ", timespec="milliseconds")


def duration(ms: float | None) -> str:
    """`0.4 ms`, `184 ms`, `2.3 s`, `1 min 4 s`; a dash where it is not known."""
    if ms is None:
        return "–"
    if ms < 10:
        return f"{decimal(ms, 1)} ms"
    if ms < 1000:
        return f"{ms:.0f} ms"
    if ms < 60_000:
        return f"{decimal(ms / 1000, 1)} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes} min {seconds} s"


def count(number: int, one: str, many: str) -> str:
    """`1 job`, `1,204 jobs`."""
    return f"{QLocale().toString(number)} {one if number == 1 else many}"


def plain(text: str, limit: int = 400) -> str:
    """Text from outside as one line of bounded length, never markup or control characters."""
    line = " ".join(text.split())
    line = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def tip(text: str) -> str:
    """Text with something from outside in it, for a tooltip: Qt takes for markup there what looks like it."""
    return f"<p>{html.escape(text).replace(chr(10), '<br>')}</p>" if "<" in text or "&" in text else text
