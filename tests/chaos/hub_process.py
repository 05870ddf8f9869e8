"""The demo hub as a process that can be killed: what it sent and what it heard is in a journal on disk.

A real hub keeps its sessions in a database. The journal is that database: a line is written (to the system, with one
`write`) before the hub goes on to the next thing, so that what the plugin can know to have been read is in it, and a
hub that is started again knows the sessions of its earlier lives. The harness reads the same journal.

Commands come as JSON lines on stdin; its end ends the hub.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from desktop_app.core.aio import spawn
from desktop_app.core.errors import KnownError
from desktop_app.hub.demo.server import DemoHub
from desktop_app.hub.demo.state import Annotation, EventKind, HubEvent, Outcome, Session

log = logging.getLogger(__name__)

PING_INTERVAL_S = 1.0
PING_TIMEOUT_S = 8.0
KEPT = 40_000
COMMAND_LIMIT_S = 5.0


class HubProcess:
    """One life of the hub.

    Args:
        settings: `{"port", "journal", "public", "folder", "plugins": {id: secret}, "classes"}`; `public` is the origin
            that plugins see, where a proxy stands before the hub, and `folder` holds the pictures.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._public: str = settings["public"]
        self._journal_path = Path(settings["journal"])
        self._hub = DemoHub(
            settings["port"],
            Path(settings["folder"]),
            ping_interval=PING_INTERVAL_S,
            ping_timeout=PING_TIMEOUT_S,
            history_limit=KEPT,
            signing_key=b"the same in every life",
        )
        for plugin_id, secret in settings["plugins"].items():
            self._hub.add_plugin(plugin_id, secret, class_names=tuple(settings["classes"]))
        self._journal = -1

    async def run(self) -> None:
        """Serves until stdin ends."""
        self._remember()
        self._journal = os.open(self._journal_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        async with self._hub:
            self._hub.happened.connect(self._happened)
            self._write("up", pid=os.getpid())
            reader = asyncio.StreamReader(limit=1 << 20)
            await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
            while line := await reader.readline():
                try:
                    async with asyncio.timeout(COMMAND_LIMIT_S):
                        await self._do(json.loads(line))
                except TimeoutError:
                    # The next one must not wait for a connection that is dead; a job that was in it comes again.
                    log.warning("a command took too long", exc_info=True)

    def _write(self, kind: str, **fields: Any) -> None:
        os.write(self._journal, (json.dumps({"kind": kind, "at": time.time(), **fields}) + "\n").encode())

    def _happened(self, event: HubEvent) -> None:
        if event.kind is EventKind.PLUGIN:
            session = self._hub.sessions[event.session]
            self._write(
                "sent",
                session=session.id,
                plugin=session.plugin_id,
                key=session.api_key,
                task=session.task_id,
                workflow=session.workflow,
                job=event.data,
            )
        elif event.kind is EventKind.RESPONSE:
            self._write("response", session=event.session, data=event.data)
        elif event.kind is EventKind.PROTOCOL_ERROR:
            self._write("problem", session=event.session, text=event.text, data=event.data)
        elif event.kind is EventKind.HTTP and event.data["path"].startswith("/v2/annotate/"):
            # Written before the reply goes out: what was never written was never confirmed to the plugin either.
            if event.data["status"] == 200:
                self._write(
                    "annotated",
                    session=event.session,
                    task=event.data["path"].rpartition("/")[2],
                    data=event.data["body"],
                )
        elif event.kind in (EventKind.HEARTBEAT, EventKind.DISCONNECT):
            self._write("online", plugin=event.plugin_id, online=self._hub.online(event.plugin_id))

    def _remember(self) -> None:
        """What earlier lives of this hub did."""
        if not self._journal_path.exists():
            return
        for line in self._journal_path.read_bytes().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # the last line of a life that was killed
            known = self._hub.sessions.get(entry.get("session", ""))
            if entry["kind"] == "sent" and known is None:
                self._hub.adopt(
                    Session(
                        id=entry["session"],
                        plugin_id=entry["plugin"],
                        job=entry["job"],
                        api_key=entry["key"],
                        task_id=entry["task"],
                        workflow=entry["workflow"],
                        sent=1,
                    )
                )
            elif entry["kind"] == "response" and known is not None:
                known.responses.append(entry["data"])
                known.finish(Outcome.FAILED if entry["data"].get("error") else Outcome.ANSWERED)
            elif entry["kind"] == "annotated" and known is not None:
                known.annotations.append(Annotation(known.id, {}, entry["data"]))
                known.finish(Outcome.ANNOTATED)

    async def _do(self, command: dict[str, Any]) -> None:
        do, faults = command.pop("do"), self._hub.faults
        if do == "send":
            await self._send(**command)
        elif do == "set":
            for name, value in command.items():
                setattr(faults, name, value)
        elif do == "fail http":
            faults.fail_http(**command)
        elif do == "refuse":
            for plugin_id in self._hub.plugins:
                faults.refuse_login(plugin_id, command["how"])
                if command["how"] == "disconnect":
                    self._hub.cut(plugin_id)
        elif do == "disconnect":
            for plugin_id in self._hub.plugins:
                # Not awaited: on a connection that is dead already the goodbye waits for the end of its ping.
                spawn(self._hub.disconnect(plugin_id), name="goodbye")
        elif do == "clear":
            faults.clear()

    async def _send(self, session: str, plugin: str, asset: int, workflow: bool) -> None:
        """Sends a job; the same session a second time is the same job with a freshly signed address."""
        chosen = self._hub.project.pictures[asset % len(self._hub.project.pictures)]
        url = self._hub.asset_url(chosen).replace(self._hub.url, self._public, 1)
        known = self._hub.sessions.get(session)
        try:
            if known is not None:
                await self._hub.resend(known, {"dataURL": url})
            else:
                extra = {"session": session, "dataURL": url}
                await self._hub.run_plugin(plugin, asset=chosen.id, workflow=workflow, extra=extra)
        except KnownError as error:
            self._write("offline", session=session, text=str(error))


if __name__ == "__main__":
    asyncio.run(HubProcess(json.loads(sys.argv[1])).run())
