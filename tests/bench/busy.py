"""The window with twenty profiles: at rest, answering one person, and under load."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from desktop_app.core.profile import CallbackSource, Profile
from tests.bench.contest import (
    START_LIMIT_S,
    Process,
    Published,
    TimingHub,
    add_profiles,
    environment,
    script_for,
    window_command,
)
from tests.bench.jobs import PAIRS, PAUSE_MS, SEQUENTIAL, WARM_UP, pictures
from tests.bench.report import Bar, Line

PROFILES = 20
REST_S = 60.0
JOBS_A_SECOND = 100
LINES_A_JOB = 10
LOAD_S = 30
FRAME_MS = 16.0


@contextmanager
def window(folder: Path, hub: TimingHub, face: str, plugins: list[str], extra: str = "") -> Iterator[Process]:
    """A window with these plugins online at a hub.

    Args:
        face: of the probe: "app", or "late" for one that tells how late its GUI thread is.
        extra: more of each callback's body.
    """
    profiles = [
        Profile(
            name=plugin,
            host=hub.url,
            plugin_id=plugin,
            source=CallbackSource(script=script_for(hub, plugin, folder, extra)),
        )
        for plugin in plugins
    ]
    data_dir = folder / "data"
    asyncio.run(add_profiles(data_dir, profiles))
    with Process(window_command(face), environment(data_dir, profiles), folder / "app.log") as app:
        for plugin in plugins:
            hub.online(plugin)
        app.settle()
        yield app


def cpu_idle() -> list[Line]:
    """CPU of the window's process at rest, its plugins online."""
    line = Line("cpu-idle", f"CPU idle, {PROFILES} profiles online, a minute", "0.5 % of a core", "%", Bar(1.0))
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name:
        folder = Path(name)
        with (
            TimingHub(pictures(folder), folder) as hub,
            window(folder, hub, "app", [f"p{number}" for number in range(PROFILES)]) as app,
        ):
            spent, began = app.cpu_s(), time.monotonic()
            time.sleep(REST_S)
            line.pairs.append(((app.cpu_s() - spent) / (time.monotonic() - began) * 100, 0.5))
    line.note = "the window and all its workers together"
    return [line]


def latency_window() -> list[Line]:
    """Event → response while the window shows each job."""
    what = "event → response with the window showing it"
    line = Line("latency-window", what, "published client 1.4.10", "ms", Bar(1.5))
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name:
        folder = Path(name)
        with (
            TimingHub(pictures(folder), folder) as hub,
            window(folder, hub, "app", ["ours"]) as app,
            Published(hub, "peer", script_for(hub, "peer", folder), folder),
        ):
            for plugin in ("ours", "peer"):
                hub.latencies(plugin, WARM_UP)
            app.settle()
            for _ in range(PAIRS):
                one = hub.latencies("ours", SEQUENTIAL, PAUSE_MS)
                other = hub.latencies("peer", SEQUENTIAL, PAUSE_MS)
                line.pairs.append((statistics.median(one), statistics.median(other)))
    line.note = "under Qt's offscreen platform, which paints as any other"
    return [line]


def gui_thread() -> list[Line]:
    """How late a timer of the GUI thread comes while jobs and log lines pour in."""
    what = f"GUI thread, {JOBS_A_SECOND} jobs/s, {JOBS_A_SECOND * LINES_A_JOB:,} log lines/s, {PROFILES} profiles"
    typical = Line("gui-thread", f"{what}: 99th percentile late", "16 ms", "ms", Bar(1.0))
    worst = Line("gui-thread-worst", "the same: the latest of all", "100 ms", "ms", Bar(1.0))
    plugins = [f"p{number}" for number in range(PROFILES)]
    speak = f"    for number in range({LINES_A_JOB}):\n        print('line', number)\n"
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name:
        folder = Path(name)
        with (
            TimingHub(pictures(folder), folder) as hub,
            window(folder, hub, "late", plugins, speak) as app,
        ):
            app.write("begin")
            done = hub.stream(plugins, JOBS_A_SECOND, LOAD_S)
            app.write("end")
            late = sorted(app.next_line(START_LIMIT_S, "late")["late"])
    typical.pairs.append((late[len(late) * 99 // 100], FRAME_MS))
    worst.pairs.append((late[-1], 100.0))
    typical.more = {"ticks": len(late), "median": statistics.median(late), "jobs_per_second": done}
    typical.note = f"{done:.0f} jobs/s were answered; the load itself shares the machine's cores"
    return [typical, worst]
