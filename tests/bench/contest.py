"""The processes that are compared: the hub that times them, Plugdeck, the published client."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from desktop_app.core.profile import ModelSource, Profile
from desktop_app.host import Host
from desktop_app.store.paths import DataDir
from tests.bench import peers

START_LIMIT_S = 120.0
JOBS_LIMIT_S = 120.0
SETTLE_S = 0.4
SETTLE_LIMIT_S = 30.0
LOOK_S = 0.05

SCRIPT = """
from imerit_ango.models.annotate import AnnotationPayload, Answer
from imerit_ango.plugins import ModelPlugin, run

BOX = {"schemaId": "797ea755f5693c0dc902558", "bounding-box": {"x": 20, "y": 30, "width": 50, "height": 60}}


def callback(data):
    return AnnotationPayload(answer=Answer(objects=[dict(BOX)]))


if __name__ == "__main__":
    plugin = ModelPlugin(id=ID, secret="s", callback=callback, host=HOST)
    run(plugin, host=HOST)
"""
"""The trivial callback, the same for both."""


class Process:
    """A process whose lines on stdout are read as JSON."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=dict(environment),
                cwd=peers.ROOT,
                text=True,
                encoding="utf-8",
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def cpu_s(self) -> float:
        """Seconds of CPU that it and its living children have used."""
        process = psutil.Process(self.pid)
        times = [member.cpu_times() for member in (process, *process.children(recursive=True))]
        return sum(spent.user + spent.system for spent in times)

    def settle(self) -> None:
        """Waits until it has nothing to do: what it puts off must not fall into somebody else's turn."""
        spent = self.cpu_s()
        end = time.monotonic() + SETTLE_LIMIT_S
        while time.monotonic() < end:
            time.sleep(SETTLE_S)
            now = self.cpu_s()
            if now - spent <= 0.02:
                return
            spent = now

    def next_line(self, limit_s: float, key: str = "") -> dict[str, Any]:
        """The next JSON line (that holds `key`); others are passed over.

        Raises:
            RuntimeError: none came in time, or the process ended.
        """
        while True:
            try:
                line = self._lines.get(timeout=limit_s)
            except queue.Empty:
                line = None
            if line is None:
                tail = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise RuntimeError(f"{self._process.args} said nothing more (exit {self._process.poll()}): {tail}")
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                if not key or key in found:
                    return found

    def write(self, line: str) -> None:
        """Sends a line to its stdin."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """Ends it, in order if it can."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)


class TimingHub(Process):
    """The official Socket.IO server with a stop-watch; also serves the files of a folder.

    Attributes:
        url: its address.
    """

    def __init__(self, assets: Path, folder: Path) -> None:
        node = shutil.which("node")
        if node is None:
            raise FileNotFoundError("node is needed for the official Socket.IO server: install Node.js")
        script = Path(__file__).with_name("hub.mjs")
        super().__init__([node, script, peers.node_modules(), assets], environment(), folder / "hub.log")
        self.url = f"http://127.0.0.1:{self.next_line(START_LIMIT_S)['port']}"
        self._assets = sorted(path.name for path in assets.iterdir())

    def online(self, plugin: str) -> None:
        """Waits for a plugin's first heartbeat."""
        self._ask({"op": "online", "plugin": plugin}, START_LIMIT_S)

    def latencies(self, plugin: str, count: int, pause_ms: float = 0.0) -> list[float]:
        """Milliseconds from event to response, one job after the other with a pause between them."""
        command = {"op": "latency", "plugin": plugin, "count": count, "assets": self._assets, "pause": pause_ms}
        return _answered(self._ask(command, JOBS_LIMIT_S))

    def jobs_per_second(self, plugins: Sequence[str], count: int, wait_ms: int = 0) -> float:
        """Answers a second, all jobs being sent at once; their assets come so many milliseconds later."""
        assets = [f"{name}?wait={wait_ms}" for name in self._assets] if wait_ms else self._assets
        reply = self._ask({"op": "burst", "plugins": list(plugins), "count": count, "assets": assets}, JOBS_LIMIT_S)
        return float(len(_answered(reply)) / reply["wall"] * 1000)

    def stream(self, plugins: Sequence[str], per_second: float, seconds: float) -> float:
        """Answers a second, jobs being sent at an even pace, whatever comes back."""
        command = {"op": "stream", "plugins": list(plugins), "rate": per_second, "seconds": seconds}
        reply = self._ask({**command, "assets": self._assets}, seconds + JOBS_LIMIT_S)
        return float(len(_answered(reply)) / reply["wall"] * 1000)

    def _ask(self, command: dict[str, Any], limit_s: float) -> dict[str, Any]:
        self.write(json.dumps(command))
        reply = self.next_line(limit_s)
        if "failed" in reply:
            raise RuntimeError(reply["failed"])
        return reply


class Serving(Process):
    """`plugdeck run` with profiles, all online."""

    def __init__(self, hub: TimingHub, sources: Mapping[str, ModelSource], folder: Path, concurrency: int = 1) -> None:
        data_dir = folder / "data"
        profiles = [
            Profile(name=name, host=hub.url, plugin_id=name, source=source, concurrency=concurrency)
            for name, source in sources.items()
        ]
        asyncio.run(add_profiles(data_dir, profiles))
        command = [sys.executable, "-m", "desktop_app", "run", "--json"]
        super().__init__(command, environment(data_dir, profiles), folder / "plugdeck.log")
        ready = 0
        while ready < len(profiles):
            ready += self.next_line(START_LIMIT_S)["event"] == "ready"
        self._drain = threading.Thread(target=self._pass_over, daemon=True)
        self._drain.start()

    def _pass_over(self) -> None:
        while self._lines.get() is not None:
            pass


class Published(Process):
    """A script under the published client, online.

    Args:
        more: what the script needs beside the client.
    """

    def __init__(self, hub: TimingHub, name: str, script: Path, folder: Path, more: Sequence[str] = ()) -> None:
        super().__init__([peers.client(*more), script], environment(), folder / "published.log")
        hub.online(name)


class Peak:
    """The most memory (RSS) that a process and its children hold while the block lasts.

    Attributes:
        mb: in megabytes.
    """

    def __init__(self, process: Process) -> None:
        self._process = psutil.Process(process.pid)
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self.mb = 0.0

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._watch.join()

    def _look(self) -> None:
        while True:
            self.mb = max(self.mb, memory_mb(self._process))
            if self._over.wait(LOOK_S):
                return


def memory_mb(process: psutil.Process) -> float:
    """Megabytes that a process and its children hold; what they share counts for each."""
    total = 0
    for member in (process, *process.children(recursive=True)):
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return float(total / 1e6)


def script_for(hub: TimingHub, name: str, folder: Path, extra: str = "") -> Path:
    """The trivial callback as a script of the plugin `name`, `extra` coming first in its body."""
    path = folder / f"{name}.py"
    script = SCRIPT.replace("def callback(data):\n", f"def callback(data):\n{extra}")
    path.write_text(f"ID, HOST = {name!r}, {hub.url!r}\n{script}", encoding="utf-8")
    return path


def window_command(face: str) -> list[str | Path]:
    """Starts the probe: "app" is Plugdeck's window, "late" the same with a watched GUI thread, "bare" Qt's own."""
    return [sys.executable, "-m", "tests.bench.probe", face]


async def add_profiles(data_dir: Path, profiles: Sequence[Profile]) -> None:
    """Makes a data directory with these profiles in it."""
    host = Host(DataDir(data_dir))
    await host.start(serve=False)
    for profile in profiles:
        await host.profiles.save(profile)
    await host.stop()


def environment(data_dir: Path | None = None, profiles: Sequence[Profile] = ()) -> dict[str, str]:
    """The environment of every process that is compared: no proxies, no keychain, nothing of this user's own."""
    left_out = {"CONNECTOR", "PORT", "LOGLEVEL", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}
    left_out.add("PYTHONDONTWRITEBYTECODE")  # compiled once, as for everybody who starts a program twice
    kept = {k: v for k, v in os.environ.items() if k not in left_out and not k.startswith("PLUGDECK_")}
    kept |= {"QT_QPA_PLATFORM": "offscreen", "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    if data_dir is not None:
        kept["PLUGDECK_DATA_DIR"] = str(data_dir)
    return kept | {profile.secret_variable: "s" for profile in profiles}


def _answered(reply: dict[str, Any]) -> list[float]:
    """The jobs' times; a job without a good answer makes the figures worthless."""
    bad = sum(job["error"] or not job["objects"] for job in reply["jobs"])
    if bad:
        raise RuntimeError(f"{bad} of {len(reply['jobs'])} jobs were not answered well")
    return [job["ms"] for job in reply["jobs"]]
