"""Jobs through the socket: latency, bursts, many profiles."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from desktop_app.core.profile import CallbackSource
from desktop_app.core.resources import resource
from tests.bench.contest import Published, Serving, TimingHub, memory_mb, script_for
from tests.bench.report import Bar, Line

PAIRS = 9
WARM_UP = 40
SEQUENTIAL = 25
PAUSE_MS = 100
BURST = 500
ASSETS = 8
MANY = 100_000
LIMIT_KB = 1.0


@contextmanager
def _both() -> Iterator[tuple[TimingHub, Serving, Published]]:
    """Plugdeck as plugin `ours` and the published client as plugin `peer` at one hub, both warm."""
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        hub = stack.enter_context(TimingHub(pictures(folder), folder))
        source = CallbackSource(script=script_for(hub, "ours", folder))
        ours = stack.enter_context(Serving(hub, {"ours": source}, folder))
        peer = stack.enter_context(Published(hub, "peer", script_for(hub, "peer", folder), folder))
        for plugin in ("ours", "peer"):
            hub.online(plugin)
            hub.latencies(plugin, WARM_UP)
        ours.settle()
        yield hub, ours, peer


def pictures(folder: Path) -> Path:
    """A folder with the demo's first pictures, for the hub to serve."""
    assets = folder / "assets"
    assets.mkdir()
    for path in sorted(Path(str(resource("demo", "assets"))).glob("*.jpg"))[:ASSETS]:
        (assets / path.name).write_bytes(path.read_bytes())
    return assets


def latency() -> list[Line]:
    """Event → response, one job at a time."""
    line = Line("latency", "event → response, trivial callback, headless", "published client 1.4.10", "ms", Bar(1.0))
    ours_ms: list[float] = []
    peer_ms: list[float] = []
    with _both() as (hub, ours, peer):
        cpu = (ours.cpu_s(), peer.cpu_s())
        for _ in range(PAIRS):
            one = hub.latencies("ours", SEQUENTIAL, PAUSE_MS)
            other = hub.latencies("peer", SEQUENTIAL, PAUSE_MS)
            line.pairs.append((statistics.median(one), statistics.median(other)))
            ours_ms += one
            peer_ms += other
        jobs = PAIRS * SEQUENTIAL
        line.more = {
            "ours_p95_ms": statistics.quantiles(ours_ms, n=20)[-1],
            "peer_p95_ms": statistics.quantiles(peer_ms, n=20)[-1],
            "ours_cpu_ms_a_job": (ours.cpu_s() - cpu[0]) / jobs * 1000,
            "peer_cpu_ms_a_job": (peer.cpu_s() - cpu[1]) / jobs * 1000,
        }
    return [line]


def burst() -> list[Line]:
    """500 jobs at once."""
    what = f"burst of {BURST} such jobs"
    line = Line("burst", what, "published client 1.4.10", "jobs/s", Bar(1.0, at_least=True))
    with _both() as (hub, ours, peer):
        hub.jobs_per_second(["ours"], BURST)
        hub.jobs_per_second(["peer"], BURST)
        ours.settle()
        cpu = (ours.cpu_s(), peer.cpu_s())
        for _ in range(PAIRS):
            one = hub.jobs_per_second(["ours"], BURST)
            ours.settle()
            line.pairs.append((one, hub.jobs_per_second(["peer"], BURST)))
        line.more = {
            "ours_cpu_ms_a_job": (ours.cpu_s() - cpu[0]) / PAIRS / BURST * 1000,
            "peer_cpu_ms_a_job": (peer.cpu_s() - cpu[1]) / PAIRS / BURST * 1000,
        }
    return [line]


def growth() -> list[Line]:
    """The same jobs dealt out to 1, 10 and 50 profiles of one process."""
    lines = []
    for count in (10, 50):
        what = f"growth: jobs/s with {count} profiles"
        line = Line(f"growth-{count}", what, "with 1 profile", "jobs/s", Bar(0.9, at_least=True))
        with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name, ExitStack() as stack:
            folder = Path(name)
            hub = stack.enter_context(TimingHub(pictures(folder), folder))
            names = [f"p{number}" for number in range(count + 1)]
            sources = {name: CallbackSource(script=script_for(hub, name, folder)) for name in names}
            ours = stack.enter_context(Serving(hub, sources, folder))
            one, many = names[:1], names[1:]
            for plugins in (one, many):
                for plugin in plugins:
                    hub.latencies(plugin, 5)
                hub.jobs_per_second(plugins, BURST)
            for _ in range(5):
                figures = []
                for plugins in (many, one):
                    ours.settle()
                    figures.append(hub.jobs_per_second(plugins, BURST))
                line.pairs.append((figures[0], figures[1]))
        lines.append(line)
    return lines


def growth_memory() -> list[Line]:
    """The slope of the memory, all processes, over very many trivial jobs."""
    line = Line("growth-memory", f"memory over {MANY:,} jobs", f"{LIMIT_KB:g} KB a job", "KB a job", Bar(1.0))
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        hub = stack.enter_context(TimingHub(pictures(folder), folder))
        source = CallbackSource(script=script_for(hub, "ours", folder))
        ours = stack.enter_context(Serving(hub, {"ours": source}, folder))
        process = psutil.Process(ours.pid)
        found = []
        for done in range(BURST, MANY + 1, BURST):
            hub.jobs_per_second(["ours"], BURST)
            found.append((done, memory_mb(process) * 1000))
    slope, _ = statistics.linear_regression(*zip(*found, strict=True))
    late, _ = statistics.linear_regression(*zip(*found[len(found) // 2 :], strict=True))
    line.pairs.append((slope, LIMIT_KB))
    line.more = {"first_mb": found[0][1] / 1000, "last_mb": found[-1][1] / 1000, "second_half_kb": late}
    line.note = f"{late:.2f} KB a job in the second half, when what is kept for a while is full"
    return [line]
