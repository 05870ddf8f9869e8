"""A model server: two replicas behind one address against one."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from desktop_app.core.profile import REMOTE_CONCURRENCY, RemoteSource
from tests.bench import peers
from tests.bench.contest import Serving, TimingHub
from tests.bench.jobs import pictures
from tests.bench.report import Bar, Line
from tests.e2e.model_server import REQUIREMENTS, SLEEP_S, Balancer, MLServer

PAIRS = 5
BURST = 60


def replicas() -> list[Line]:
    """Jobs a second where the model sleeps, so that this machine's cores do not decide."""
    line = Line(
        "replicas",
        f"two replicas of MLServer, a model that sleeps {SLEEP_S * 1000:.0f} ms",
        "one replica",
        "jobs/s",
        Bar(1.7, at_least=True),
    )
    with tempfile.TemporaryDirectory(prefix="plugdeck-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        python = peers.interpreter(REQUIREMENTS)
        servers = [MLServer(python, folder / f"server-{number}") for number in (1, 2)]
        for server in servers:
            stack.callback(server.kill)
            server.start()
        for server in servers:
            server.wait()
        balancer = Balancer([server.port for server in servers])
        stack.callback(balancer.close)
        hub = stack.enter_context(TimingHub(pictures(folder), folder))
        sources = {
            "two": RemoteSource(url=balancer.url, model="slow"),
            "one": RemoteSource(url=servers[0].url, model="slow"),
        }
        ours = stack.enter_context(Serving(hub, sources, folder, REMOTE_CONCURRENCY))
        for plugin in sources:
            hub.online(plugin)
            hub.jobs_per_second([plugin], REMOTE_CONCURRENCY)
        ours.settle()
        for _ in range(PAIRS):
            line.pairs.append((hub.jobs_per_second(["two"], BURST), hub.jobs_per_second(["one"], BURST)))
        line.more = {"concurrency": REMOTE_CONCURRENCY}
    return [line]
