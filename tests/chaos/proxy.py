"""A TCP proxy that breaks what goes through it: between the app and the hub, for connections and files alike."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterable
from typing import Literal

from desktop_app.core.aio import cancel_and_wait, spawn

Welcome = Literal["open", "close", "silent", "bad gateway"]
"""What a new connection meets: the hub; an end at once; nothing at all, ever; a gateway's error page."""

BAD_GATEWAY = (
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 52\r\nConnection: close\r\n\r\n"
    b"<html><body><center>502 Bad Gateway</center></body>\n"
)
assert len(BAD_GATEWAY.partition(b"\r\n\r\n")[2]) == 52

CHUNK = 4096


class _Pair:
    """One connection and its other half."""

    def __init__(self, writers: list[asyncio.StreamWriter]) -> None:
        self.writers = writers
        self.dead = False
        """Half open: what comes is taken and goes nowhere, and neither side hears of the other's end."""
        self.cut_next: Literal["", "up", "down"] = ""

    def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


class Proxy:
    """Listens on a port of its own and carries every connection to the hub's.

    Attributes:
        welcome: what new connections meet.
        delay: seconds that every piece of data is held up.
    """

    def __init__(self, target: int, dice: random.Random) -> None:
        self._target = target
        self._dice = dice
        self._server: asyncio.Server | None = None
        self._pairs: set[_Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.welcome: Welcome = "open"
        self.delay = 0.0

    async def start(self) -> None:
        """Listens on a free port."""
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)

    @property
    def port(self) -> int:
        """The port, once it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """The origin that the app sees."""
        return f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        """Ends everything."""
        if self._server is not None:
            self._server.close()
        self.cut()
        await cancel_and_wait(*self._tasks)

    def cut(self) -> None:
        """Breaks every connection."""
        for pair in list(self._pairs):
            pair.abort()

    def cut_in_the_middle(self, direction: Literal["up", "down"]) -> None:
        """Breaks every connection in the midst of the next piece that goes that way."""
        for pair in self._pairs:
            pair.cut_next = direction

    def half_open(self) -> None:
        """Present connections go nowhere from now on, and nobody is told."""
        for pair in self._pairs:
            pair.dead = True

    def stall(self) -> None:
        """Holds everything up until `flow`."""
        self._flowing.clear()

    def flow(self) -> None:
        """Ends a `stall`."""
        self._flowing.set()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = spawn(self._carry(reader, writer), name="proxy connection")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.welcome == "close":
                return
            if self.welcome != "open":
                await self._snub(reader, writer)
                return
            try:
                up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
            except OSError:
                return
            pair = _Pair([writer, up_writer])
            self._pairs.add(pair)
            pumps = [
                spawn(self._pump(pair, reader, up_writer, "up"), name="proxy up"),
                spawn(self._pump(pair, up_reader, writer, "down"), name="proxy down"),
            ]
            try:
                await asyncio.wait(pumps)
            finally:
                await cancel_and_wait(*pumps)
                self._pairs.discard(pair)
                await _close([up_writer])
        finally:
            await _close([writer])

    async def _snub(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            data = await reader.read(CHUNK)
            if self.welcome == "bad gateway" and data:
                writer.write(BAD_GATEWAY)
                await writer.drain()
                return
            while await reader.read(CHUNK):
                pass

    async def _pump(
        self, pair: _Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._flowing.wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
                if pair.dead:
                    continue
                if pair.cut_next == direction:
                    writer.write(data[: self._dice.randrange(len(data))])
                    pair.abort()
                    return
                writer.write(data)
                await writer.drain()
        if not pair.dead:
            with contextlib.suppress(OSError):
                writer.close()


async def _close(writers: Iterable[asyncio.StreamWriter]) -> None:
    for writer in writers:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
