"""`plugdeck demo --headless`: the demo without a window, one line per job and a summary."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from desktop_app.cli.output import complain, say
from desktop_app.cli.serve import Printer, Stop
from desktop_app.core.job import JobRecord, JobState
from desktop_app.demo import INTERVAL_S, Demo
from desktop_app.host import Host
from desktop_app.store.paths import DataDir

FAST_INTERVAL_S = 0.05
"""Between the jobs of a counted run, which nobody watches."""


async def headless(options: argparse.Namespace) -> int:
    """Runs the demo until N jobs have ended or a signal comes. Exit code 1 if any job failed."""
    with tempfile.TemporaryDirectory(prefix="plugdeck-demo-", ignore_cleanup_errors=True) as folder:
        return await _run(DataDir(options.data_dir or Path(folder)), options.jobs)


async def _run(data_dir: DataDir, jobs: int | None) -> int:
    stop = Stop()
    host = Host(data_dir)
    await host.start()
    printer = Printer(host, as_json=False)
    ended: list[JobRecord] = []

    def count(record: JobRecord) -> None:
        ended.append(record)
        if jobs is not None and len(ended) >= jobs:
            stop.now()

    printer.on_end(count)
    stop.again = host.hurry
    demo = Demo(host, interval=INTERVAL_S if jobs is None else FAST_INTERVAL_S, jobs=jobs)
    try:
        await demo.start()
        say(f"The demo hub runs at {demo.hub.url}")
        await stop.wait()
        if jobs is not None:
            await _hub_has(demo, min(jobs, len(ended)))
    finally:
        await demo.stop()
        await host.stop(stop.drain_s)
        await demo.close()
        printer.disconnect()
    failed = sum(record.state is not JobState.DELIVERED for record in ended)
    delivered = len(ended) - failed
    answered = sum(1 for session in demo.hub.sessions.values() if session.done and not session.error)
    say(f"{delivered} of {jobs or len(ended)} jobs delivered, {failed} failed; the hub has {answered} answers.")
    if failed:
        complain(f"{failed} jobs failed. See the lines above.")
    return 1 if failed or (jobs is not None and delivered < jobs) else 0


async def _hub_has(demo: Demo, jobs: int) -> None:
    """Waits until the hub has read what was handed to its socket."""
    try:
        await demo.hub.wait_until(lambda: sum(s.done for s in demo.hub.sessions.values()) >= jobs, 5.0)
    except TimeoutError:
        complain("The demo hub did not read all answers in time.")
    await asyncio.sleep(0)
