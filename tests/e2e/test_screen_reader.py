"""The main flows, walked by name alone, as who hears the window and does not see it uses it: through AT-SPI."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(sys.platform != "linux", reason="AT-SPI is how Linux speaks to screen readers"),
]

LIMIT_S = 180.0
PAUSE_S = 0.1
PYTHON = "/usr/bin/python3"
"""The system's, which has the bindings of AT-SPI."""
WALKER = Path(__file__).with_name("walker.py")
BINDINGS = "import gi; gi.require_version('Atspi', '2.0'); from gi.repository import Atspi"
LAUNCHERS = ("/usr/libexec/at-spi-bus-launcher", "/usr/lib/at-spi2-core/at-spi-bus-launcher")
MENU_KEY = 135
ESCAPE_KEY = 9
CONTROLS = ("button", "toggle button", "check box", "radio button", "text", "password text", "combo box", "slider")
"""What one uses; rows of lists and entries of menus come beside them."""
ROWS = ("list item", "table cell", "page tab", "menu item", "check menu item")


@dataclass(frozen=True)
class Node:
    """One thing on the screen, as a screen reader knows it."""

    place: int
    parent: int
    role: str
    name: str
    states: frozenset[str]
    description: str
    actions: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        more = " ".join(part for part in (", ".join(sorted(self.states)), self.description, self.text) if part)
        return f"{self.role} {self.name!r} ({more})"


class Reader:
    """Finds and uses what is on the screen by its name, and waits until it is there."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._nodes: tuple[Node, ...] = ()

    async def order(self, **order: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), LIMIT_S)
        assert line, "the walker ended"
        answer = json.loads(line)
        return answer.get("answer")  # None where what was meant is gone

    async def look(self) -> tuple[Node, ...]:
        found = await self.order(do="tree") or []
        self._nodes = tuple(
            Node(
                place,
                each["parent"],
                each["role"],
                each["name"],
                frozenset(each["states"]),
                each["description"],
                tuple(each["actions"]),
                each["text"],
            )
            for place, each in enumerate(found)
        )
        return self._nodes

    async def find(self, role: str, name: str, within: str = "") -> Node:
        """The first that has this role and a name that begins as the pattern says."""
        found = await self.until(lambda: self.all(role, name, within), f"{role} {name!r}")
        return found[0]

    def all(self, role: str, name: str, within: str = "") -> list[Node]:
        pattern = re.compile(name)
        return [
            node
            for node in self._nodes
            if node.role == role and pattern.match(node.name) and (not within or within in self.names_above(node))
        ]

    def names_above(self, node: Node) -> Iterator[str]:
        while node.parent >= 0:
            node = self._nodes[node.parent]
            yield node.name

    async def until(self, seen: Callable[[], list[Node]], what: str) -> list[Node]:
        end = time.monotonic() + LIMIT_S
        while True:
            await self.look()
            if found := seen():
                return found
            assert time.monotonic() < end, f"not to be found: {what}. What there is:\n{self.told()}"
            await asyncio.sleep(PAUSE_S)

    async def press(self, role: str, name: str, within: str = "", *, gives: Callable[[], list[Node]]) -> None:
        """Presses something until what it leads to is there: it may be gone, or in use, while it is pressed."""
        end = time.monotonic() + LIMIT_S
        while True:
            node = await self.find(role, name, within)
            # A box is not pressed twice: it might be on and off again.
            done = "enabled" in node.states and await self.order(do="act", node=node.place, action="Press")
            tries = time.monotonic() + (LIMIT_S if done else 0)
            while True:
                await self.look()
                if gives():
                    return
                assert time.monotonic() < end, f"pressing {node} led nowhere:\n{self.told()}"
                if time.monotonic() >= tries:
                    break
                await asyncio.sleep(PAUSE_S)

    async def type(self, name: str, text: str) -> None:
        """Fills in a field and hears what it holds then."""
        role = "text"
        end = time.monotonic() + LIMIT_S
        while True:
            node = await self.find(role, name)
            if node.text == text:
                return
            assert time.monotonic() < end, f"{node} cannot be filled in:\n{self.told()}"
            await self.order(do="type", node=node.place, text=text)

    async def choose(self, name: str, within: str, *, gives: Callable[[], list[Node]]) -> None:
        """Selects a row. New ones arrive meanwhile, so that a try may hit its neighbour."""
        end = time.monotonic() + LIMIT_S
        while True:
            node = await self.find("list item", name, within)
            await self.order(do="select", node=node.place)
            soon = time.monotonic() + 5
            while time.monotonic() < soon:
                await self.look()
                if gives():
                    return
                await asyncio.sleep(PAUSE_S)
            assert time.monotonic() < end, f"selecting {node} led nowhere:\n{self.told()}"

    def told(self) -> str:
        lines = []
        for node in self._nodes:
            depth = sum(1 for _ in self.names_above(node))
            lines.append(f"{'  ' * depth}{node}")
        return "\n".join(lines)

    async def check(self, page: str) -> None:
        """Everything that one can use here says what it is, and no two buttons beside each other say the same."""
        wrong = []
        named: dict[tuple[int, str, str], Node] = {}
        for node in await self.look():
            usable = node.role in CONTROLS or node.role in ROWS or "focusable" in node.states
            if usable and not node.name.strip():
                wrong.append(f"no name: {node}")
            if node.role in ("unknown", "invalid") and "focusable" in node.states:
                wrong.append(f"no role: {node}")
            # Of these, the name is what is chosen.
            if node.role == "combo box" and node.description in ("", node.name):
                wrong.append(f"says not what it chooses: {node}")
            if node.role in ("button", "check box", "radio button") and "enabled" in node.states:
                if not {"Press", "Toggle"} & set(node.actions):
                    wrong.append(f"cannot be pressed: {node}")
                twin = named.setdefault((node.parent, node.role, node.name), node)
                if twin is not node:
                    wrong.append(f"not to be told apart: {twin} and {node}")
        assert not wrong, f"on the page {page}:\n" + "\n".join(wrong) + f"\nWhat there is:\n{self.told()}"


# ---- a desktop for the reader ----


def missing() -> str:
    """What the system lacks, or ""."""
    lacking = [name for name in ("Xvfb", "dbus-daemon") if shutil.which(name) is None]
    if not any(Path(one).exists() for one in LAUNCHERS):
        lacking.append("at-spi2-core")
    bound = (
        Path(PYTHON).exists()
        and not subprocess.run([PYTHON, "-c", BINDINGS], capture_output=True, check=False).returncode
    )
    if not bound:
        lacking.append("python3-gi with gir1.2-atspi-2.0")
    return ", ".join(lacking)


@asynccontextmanager
async def running(*command: str, env: Mapping[str, str], **rest: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(*command, env=dict(env), **rest)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def desktop() -> AsyncIterator[dict[str, str]]:
    """A screen and a session bus of the test's own: the variables that lead there."""
    # Sockets need a short path.
    with tempfile.TemporaryDirectory(prefix="plugdeck-desktop-", ignore_cleanup_errors=True) as home:
        runtime = Path(home, "run")
        runtime.mkdir(mode=0o700)  # noqa: ASYNC240
        kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
        env = {
            **kept,
            "HOME": home,
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "LANGUAGE": "",
            "XDG_RUNTIME_DIR": str(runtime),
            **{f"XDG_{what}_HOME": str(Path(home, what.lower())) for what in ("CONFIG", "CACHE", "DATA", "STATE")},
            "GSETTINGS_BACKEND": "memory",
            "GIO_USE_VFS": "local",
            "QT_ACCESSIBILITY": "1",
            "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
        }
        told, telling = os.pipe()
        screen = ("-displayfd", str(telling), "-screen", "0", "1440x1000x24", "-nolisten", "tcp")
        quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        async with running("Xvfb", *screen, env=env, pass_fds=(telling,), stdout=subprocess.DEVNULL, **quiet):
            os.close(telling)
            with os.fdopen(told) as number:
                env["DISPLAY"] = f":{(await asyncio.wait_for(asyncio.to_thread(number.readline), LIMIT_S)).strip()}"
            daemon = ("dbus-daemon", "--session", "--nofork", "--print-address=1")
            async with running(*daemon, env=env, stdout=subprocess.PIPE, **quiet) as bus:
                assert bus.stdout is not None
                address = await asyncio.wait_for(bus.stdout.readline(), LIMIT_S)
                env["DBUS_SESSION_BUS_ADDRESS"] = address.decode().strip()
                yield env
            await end_services(str(runtime))


async def end_services(runtime: str) -> None:
    """What the bus started ends with it, or is ended: the test's own, by where it keeps its sockets."""
    end = time.monotonic() + 10
    while services := [process for process in psutil.process_iter() if runtime_of(process) == runtime]:
        if time.monotonic() > end:
            for process in services:
                process.kill()
        await asyncio.sleep(PAUSE_S)


def runtime_of(process: psutil.Process) -> str:
    try:
        return process.environ().get("XDG_RUNTIME_DIR", "")
    except psutil.Error:
        return ""


# ---- the walk ----


async def test_the_main_flows_by_name(plugdeck: Any) -> None:
    if lacking := missing():
        pytest.skip(f"A screen reader needs {lacking}; `make test-libs` installs it as root on Debian")
    async with desktop() as env:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        async with running(PYTHON, str(WALKER), env=env, limit=16 * 1024 * 1024, **pipes) as walker:
            reader = Reader(walker)
            app = await plugdeck(**env, QT_QPA_PLATFORM="xcb")
            await reader.order(do="watch", pid=app.pid)
            await through_the_first_minute(reader)
            await through_a_job(reader)
            await through_the_history(reader)
            await through_a_new_plugin(reader)
            await through_the_pages(reader)
            await through_stopping_a_plugin(reader)
            await through_the_end(reader, app)
            assert await app.ended() == 0
            assert b"Traceback" not in app.errors, app.errors.decode()


async def through_the_first_minute(reader: Reader) -> None:
    for door in ("Try the demo", r"Drop a model \(\.onnx\)", r"Import a plugin script \(\.py\)"):
        await reader.find("button", door)
    await reader.check("first start")
    await reader.press("button", "Try the demo", gives=lambda: reader.all("list", "Plugins"))
    for plugin in ("Docs sample", "Fasteners", "Tray outline"):
        await reader.find("list item", f"{plugin}, (online|busy)", "Plugins")


async def through_a_job(reader: Reader) -> None:
    await reader.find("list item", r"tray-\d+\.jpg, Fasteners, delivered", "Latest jobs")
    await reader.choose(
        r"tray-\d+\.jpg, Fasteners, delivered", "Latest jobs", gives=lambda: reader.all("label", "Fasteners · ")
    )
    await reader.find("label", "delivered in ")
    await reader.find("table cell", r"class (bolt|nut|washer), \d+ annotations?", "Annotations by class")
    await reader.find("table cell", r"box  0\.\d\d", "Annotations by class")
    await reader.find("table cell", r"Message: \w", "Log lines")
    await reader.check("live")


async def through_the_history(reader: Reader) -> None:
    await reader.press("check box", "History", gives=lambda: reader.all("table", "All jobs"))
    await reader.find("table cell", r"Plugin: (Docs sample|Fasteners|Tray outline)", "All jobs")
    await reader.find("table cell", r"Asset: tray-\d+\.jpg", "All jobs")
    await reader.check("history")


async def through_a_new_plugin(reader: Reader) -> None:
    await reader.press("button", "Add a plugin", gives=lambda: reader.all("menu item", "Fill in the form"))
    await reader.check("menu of new plugins")
    await reader.press("menu item", "Fill in the form", gives=lambda: reader.all("button", "Save and start"))
    await reader.type("Name", "Screws")
    await reader.type("Plugin id", "0123456789")
    await reader.check("new plugin")
    await reader.press("button", "Back", gives=lambda: reader.all("table", "All jobs"))


async def through_the_pages(reader: Reader) -> None:
    await reader.press("button", "Settings", gives=lambda: reader.all("label", "Settings"))
    await reader.find("combo box", "", "")
    await reader.check("settings")
    await reader.press("button", "Back", gives=lambda: reader.all("table", "All jobs"))
    await reader.press("button", "Help", gives=lambda: reader.all("menu item", "Keyboard shortcuts"))
    await reader.press("menu item", "Keyboard shortcuts", gives=lambda: reader.all("label", "Keyboard shortcuts"))
    for keys in (r"Ctrl\+D", r"Ctrl\+R", r"Ctrl\+E", "F1"):
        await reader.find("label", f"{keys}$")
    await reader.check("shortcuts")
    await reader.press("button", "Back", gives=lambda: reader.all("table", "All jobs"))


async def through_stopping_a_plugin(reader: Reader) -> None:
    def chosen() -> list[Node]:
        return [node for node in reader.all("list item", "Fasteners,", "Plugins") if "selected" in node.states]

    end = time.monotonic() + LIMIT_S
    while not reader.all("menu item", "Stop$"):
        assert time.monotonic() < end, f"the menu key opens no menu:\n{reader.told()}"
        await reader.choose("Fasteners,", "Plugins", gives=chosen)
        # The keyboard goes where the list is; there the menu key tells what can be done.
        plugins = await reader.find("list", "Plugins")
        await reader.order(do="act", node=plugins.place, action="SetFocus")
        await reader.order(do="key", code=MENU_KEY)
        soon = time.monotonic() + 20
        await reader.look()
        while not reader.all("menu item", "Stop$") and time.monotonic() < soon:
            await asyncio.sleep(PAUSE_S)
            await reader.look()
        if not reader.all("menu item", "Stop$"):
            await reader.order(do="key", code=ESCAPE_KEY)
    await reader.check("menu of a plugin")
    await reader.press("menu item", "Stop$", gives=lambda: reader.all("list item", "Fasteners, stopped", "Plugins"))


async def through_the_end(reader: Reader, app: Any) -> None:
    await reader.press("button", "Help", gives=lambda: reader.all("menu item", "Quit"))
    quitting = await reader.find("menu item", "Quit")
    await reader.order(do="act", node=quitting.place, action="Press")
    end = time.monotonic() + LIMIT_S
    while app.process.returncode is None:
        assert time.monotonic() < end, f"the app does not end:\n{reader.told()}"
        await reader.look()
        # Asked where a job is on its way.
        for now in reader.all("button", "Quit now"):
            await reader.order(do="act", node=now.place, action="Press")
        await asyncio.sleep(PAUSE_S)
