"""What is counted: from the host's events as they come, and from its services when somebody asks.

No label holds anything of a job: profiles, steps and states only, so that the number of series stays small.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from desktop_app import __version__
from desktop_app.core.events import Event, JobChanged, ProfileState, StatusChanged
from desktop_app.core.job import BatchProgress, JobRecord, JobState
from desktop_app.host import Host
from desktop_app.store.outbox import Waiting

STEPS = ("fetch", "queue", "run", "build", "deliver", "total")
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
REMEMBERED = 2_000
"""Ended jobs that are known, so that one that is told of again is not counted twice."""


class Metrics(Collector):
    """The numbers of one host.

    Args:
        served: ids of the profiles that the runner is to serve; they are named from the start.

    Attributes:
        registry: what is asked for the text.
        outbox: how many answers each profile has on disk that the hub has not confirmed, and since when the oldest
            waits; renewed by `look`.
    """

    def __init__(self, host: Host, served: Iterable[str]) -> None:
        self._host = host
        self._served = tuple(served)
        self._ended: dict[str, None] = {}
        self._crashes: dict[str, int] = {}
        self._runs: dict[str, tuple[str, BatchProgress]] = {}
        self.outbox: Mapping[str, Waiting] = {}
        self.registry = CollectorRegistry()
        self._jobs = Counter("plugdeck_jobs", "Jobs that ended.", ["profile", "state"], registry=self.registry)
        self._steps = Histogram(
            "plugdeck_step_seconds", "How long the steps of delivered jobs took.", ["profile", "step"],
            buckets=BUCKETS, registry=self.registry,
        )  # fmt: skip
        self._restarts = Counter(
            "plugdeck_worker_restarts", "Workers that ended by themselves.", ["profile"], registry=self.registry
        )
        for name in self._names().values():
            self._restarts.labels(name)
            for state in (JobState.DELIVERED, JobState.FAILED, JobState.CANCELLED):
                self._jobs.labels(name, state.value)
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        self._disconnect = host.events.connect(self._heard)

    def close(self) -> None:
        """Counts no more."""
        self._disconnect()

    async def look(self) -> None:
        """Asks the disk for what is not told by events.

        Raises:
            StoreError: it cannot be read.
        """
        self.outbox = await self._host.outbox.waiting()

    def ready(self) -> dict[str, str]:
        """What each served profile is doing, by name."""
        return {name: self._host.status(profile_id).state.value for profile_id, name in self._names().items()}

    @property
    def is_ready(self) -> bool:
        """Whether every served profile is connected to its hub, or its port is open."""
        up = (ProfileState.ONLINE.value, ProfileState.BUSY.value)
        return bool(self._served) and all(state in up for state in self.ready().values())

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client: what is read at the moment of the question."""
        yield InfoMetricFamily("plugdeck", "This runner.", {"version": __version__})
        gauges = {
            "running": GaugeMetricFamily("plugdeck_jobs_running", "Jobs in hand.", labels=["profile"]),
            "queued": GaugeMetricFamily("plugdeck_queue_depth", "Jobs that wait.", labels=["profile"]),
            "up": GaugeMetricFamily("plugdeck_connected", "1 while the hub has taken the login.", labels=["profile"]),
            "state": GaugeMetricFamily("plugdeck_profile_state", "1 for the present one.", labels=["profile", "state"]),
            "answers": GaugeMetricFamily(
                "plugdeck_outbox_answers", "Answers that the hub has not confirmed.", labels=["profile"]
            ),
            "age": GaugeMetricFamily(
                "plugdeck_outbox_age_seconds",
                "Age of the oldest of these, 0 without any. Two pings of the hub (50 s) are normal.",
                labels=["profile"],
            ),
            "assets": GaugeMetricFamily(
                "plugdeck_project_run_assets", "Assets of the run over a project.", labels=["profile", "state"]
            ),
        }
        now = time.time()
        for profile_id, name in self._names().items():
            status = self._host.status(profile_id)
            connected = status.state in (ProfileState.ONLINE, ProfileState.BUSY)
            gauges["running"].add_metric([name], status.running)
            gauges["queued"].add_metric([name], status.queued)
            gauges["up"].add_metric([name], float(connected))
            for state in ProfileState:
                gauges["state"].add_metric([name, state.value], float(status.state is state))
            waiting = self.outbox.get(profile_id)
            gauges["answers"].add_metric([name], waiting.count if waiting else 0)
            gauges["age"].add_metric([name], max(now - waiting.since, 0.0) if waiting else 0.0)
            if profile_id in self._runs:
                progress = self._runs[profile_id][1]
                for label, count in (("done", progress.done), ("failed", progress.failed), ("total", progress.total)):
                    gauges["assets"].add_metric([name, label], count)
        yield from gauges.values()

    def _names(self) -> dict[str, str]:
        known = {profile.id: profile.name for profile in self._host.profiles.all()}
        return {profile_id: known[profile_id] for profile_id in self._served if profile_id in known}

    def _heard(self, event: Event) -> None:
        if isinstance(event, StatusChanged):
            status = event.status
            new = status.crashes - self._crashes.get(status.profile_id, 0)
            self._crashes[status.profile_id] = status.crashes
            name = self._names().get(status.profile_id)
            if new > 0 and name is not None:
                self._restarts.labels(name).inc(new)
        elif isinstance(event, JobChanged):
            self._job(event.record)

    def _job(self, record: JobRecord) -> None:
        if record.batch is not None:
            self._runs[record.profile_id] = (record.id, record.batch)
        if not record.state.terminal or record.replay_of is not None or record.id in self._ended:
            return None
        self._ended[record.id] = None
        while len(self._ended) > REMEMBERED:
            del self._ended[next(iter(self._ended))]
        run = self._runs.get(record.profile_id)
        if run is not None and run[0] == record.id:
            del self._runs[record.profile_id]
            return self._count(record, steps=False)  # hours over a project would drown the others' steps
        return self._count(record, steps=record.state is JobState.DELIVERED)

    def _count(self, record: JobRecord, *, steps: bool) -> None:
        self._jobs.labels(record.profile_name, record.state.value).inc()
        for step in STEPS if steps else ():
            took = getattr(record.timings, step)
            if took is not None:
                self._steps.labels(record.profile_name, step).observe(took / 1000)
