from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from desktop_app.hub.local_files import LocalFiles


async def test_files_are_served_at_addresses_of_their_own(tmp_path: Path) -> None:
    one, two = tmp_path / "a b&c?.jpg", tmp_path / "größe.bin"
    one.write_bytes(b"one" * 1000)
    two.write_bytes(b"two")
    async with LocalFiles() as files, httpx.AsyncClient() as client:
        for path in (one, two):
            reply = await client.get(files.url(path))
            assert reply.status_code == 200
            assert reply.content == path.read_bytes()
        assert files.url(one) != files.url(one)
        assert urlsplit(files.url(one)).hostname == "127.0.0.1"
        assert urlsplit(files.url(one)).path.endswith(".jpg")
        assert files.url(one).isascii()


async def test_nothing_else_is_served(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("text")
    (tmp_path / "other.txt").write_text("other")
    async with LocalFiles() as files, httpx.AsyncClient() as client:
        url = files.url(path)
        token = urlsplit(url).path.split("/")[1]
        for tail in ("", "/", "/none/a.txt", f"/{token}", f"/{token}/../other.txt", f"/{token}/%2e%2e%2fother.txt"):
            reply = await client.get(files.origin + tail)
            # Whatever name is asked for, a token gives its own file or nothing.
            assert reply.status_code == 404 or reply.text == "text"
        path.unlink()
        assert (await client.get(url)).status_code == 404


async def test_the_server_ends_with_its_block(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("text")
    async with LocalFiles() as files:
        url = files.url(path)
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(url)
