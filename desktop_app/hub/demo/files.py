"""The demo hub's storage: asset files, uploaded masks and exports, all behind signed addresses.

A signed address looks and behaves like a presigned cloud URL: its query changes each time, is checked, and holds
for one method only. The stored address of a file is the signed one without its query (facts: hub-protocol, HTTP API).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import mimetypes
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from aiohttp import web

from desktop_app.hub.demo.faults import Faults
from desktop_app.hub.demo.state import Asset

KINDS = ("assets", "brushes", "medicalBrushes", "exports", "instructions")
SIGNATURE_LIFETIME = 3600
UPLOAD_LIMIT = 256 * 1024 * 1024

_DENIED = "<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"


@dataclass(slots=True)
class StoredFile:
    """A file that the hub serves.

    Attributes:
        key: `kind/name`, the part of the address after `/files/`.
        path: where its bytes are.
        present: False for an upload that was announced and has not arrived.
    """

    key: str
    path: Path
    media_type: str
    present: bool = True

    def read_bytes(self) -> bytes:
        """The whole content."""
        return self.path.read_bytes()


class Signer:
    """Makes and checks the query of a signed address.

    Args:
        key: what the signatures are made with; by default a new one. Addresses outlive a restart with the same key.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._secret = key or secrets.token_bytes(32)

    def query(self, method: str, key: str, lifetime: float = SIGNATURE_LIFETIME) -> str:
        """A fresh query for one method on one file."""
        values = {"X-Expires": str(int(time.time() + lifetime)), "X-Nonce": secrets.token_hex(8)}
        return urlencode(values | {"X-Signature": self._sign(method, key, values)})

    def refusal(self, method: str, key: str, query: dict[str, str]) -> str | None:
        """Why the query does not open that file, or None where it does."""
        expires = query.get("X-Expires", "")
        values = {"X-Expires": expires, "X-Nonce": query.get("X-Nonce", "")}
        expected = self._sign(method, key, values)
        if not hmac.compare_digest(expected.encode(), query.get("X-Signature", "").encode()):
            return "The signature does not match."
        return "The address has expired." if int(expires) < time.time() else None

    def _sign(self, method: str, key: str, values: dict[str, str]) -> str:
        text = "\n".join((method, key, values["X-Expires"], values["X-Nonce"]))
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()


class Files:
    """Every file that has an address.

    Args:
        base: gives the hub's own origin, such as "http://127.0.0.1:8123"; known only once it listens.
        signing_key: see Signer.
    """

    def __init__(self, base: Callable[[], str], faults: Faults, signing_key: bytes | None = None) -> None:
        self._base = base
        self._faults = faults
        self._signer = Signer(signing_key)
        self._folder: Path | None = None
        self.stored: dict[str, StoredFile] = {}
        self.asset_named: Callable[[str], Asset | None] = lambda _: None
        """Finds assets that are made when they are asked for, by their external id."""

    def use_folder(self, folder: Path) -> None:
        """Where uploads and exports are kept."""
        self._folder = folder

    def attach(self, app: web.Application) -> None:
        """Serves `/files/` from the application."""
        app.router.add_get("/files/{kind}/{name}", self._get)
        app.router.add_put("/files/{kind}/{name}", self._put)

    def add(self, kind: str, name: str, path: Path, media_type: str) -> StoredFile:
        """Gives a file on disk an address."""
        stored = StoredFile(f"{kind}/{name}", path, media_type)
        self.stored[stored.key] = stored
        return stored

    def of_asset(self, asset: Asset) -> StoredFile:
        """An asset's file."""
        key = f"assets/{asset.external_id}"
        return self.stored.get(key) or StoredFile(key, asset.path, asset.media_type)

    def announce(self, kind: str, name: str) -> StoredFile:
        """An address for a file that will be uploaded; the name on disk is ours, never the caller's."""
        token = secrets.token_hex(8)
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", Path(name).name)[-80:].lstrip(".") or "file"
        stored = self.add(kind, f"{token}-{safe}", self._in_folder(token), _media_type(safe))
        stored.present = False
        return stored

    def write(self, kind: str, name: str, content: bytes) -> StoredFile:
        """Stores bytes of our own making; blocks, so it is called in a thread."""
        stored = self.announce(kind, name)
        stored.path.write_bytes(content)
        stored.present = True
        return stored

    def stored_url(self, stored: StoredFile) -> str:
        """The address without a signature, as it stands in answers."""
        return f"{self._base()}/files/{quote(stored.key)}"

    def signed_url(self, stored: StoredFile, method: str = "GET", lifetime: float = SIGNATURE_LIFETIME) -> str:
        """An address that works for `lifetime` seconds, different each time."""
        return f"{self.stored_url(stored)}?{self._signer.query(method, stored.key, lifetime)}"

    def find(self, address: str, kind: str = "") -> StoredFile | None:
        """The file with that stored or signed address, key, or name within `kind`; None if there is none."""
        path = unquote(path_of(address))
        key = path.partition("/files/")[2] or path.lstrip("/")
        return self._at(key) or self._at(f"{kind}/{key}")

    def _at(self, key: str) -> StoredFile | None:
        stored = self.stored.get(key)
        if stored is not None or not key.startswith("assets/"):
            return stored
        asset = self.asset_named(key.removeprefix("assets/"))
        return None if asset is None else self.of_asset(asset)

    def _in_folder(self, name: str) -> Path:
        if self._folder is None:
            raise RuntimeError("the demo hub is not running, so it has no storage")
        return self._folder / name

    # -- HTTP -------------------------------------------------------------------------------------------------------

    def _open(self, request: web.Request, method: str) -> StoredFile | web.Response:
        key = f"{request.match_info['kind']}/{request.match_info['name']}"
        refusal = self._signer.refusal(method, key, dict(request.query))
        if refusal is not None:
            return _error(403, "AccessDenied", refusal)
        stored = self._at(key)
        return _error(404, "NoSuchKey", "There is no such file.") if stored is None else stored

    async def _get(self, request: web.Request) -> web.StreamResponse:
        stored = self._open(request, "GET")
        if isinstance(stored, web.Response):
            return stored
        if not stored.present or not await asyncio.to_thread(stored.path.is_file):
            return _error(404, "NoSuchKey", "There is no such file.")
        if self._faults.cut_files_after is not None:
            return await self._cut_off(request, stored, self._faults.cut_files_after)
        # aiohttp's own: ranges, conditional calls and HEAD are right there.
        return web.FileResponse(stored.path, headers={"Content-Type": stored.media_type})

    async def _cut_off(self, request: web.Request, stored: StoredFile, length: int) -> web.StreamResponse:
        content = await asyncio.to_thread(stored.read_bytes)
        response = web.StreamResponse(headers={"Content-Type": stored.media_type})
        response.content_length = len(content)
        await response.prepare(request)
        await response.write(content[:length])
        if length < len(content) and request.transport is not None:
            # Closing and not aborting: what was written still arrives.
            request.transport.close()
        return response

    async def _put(self, request: web.Request) -> web.StreamResponse:
        stored = self._open(request, "PUT")
        if isinstance(stored, web.Response):
            return stored
        if (request.content_length or 0) > UPLOAD_LIMIT:
            return _error(400, "EntityTooLarge", "The file is too large.")
        received = await self._receive(request, stored.path)
        if not received:
            return _error(400, "EntityTooLarge", "The file is too large.")
        stored.present = True
        return web.Response(headers={"ETag": f'"{secrets.token_hex(16)}"'})

    async def _receive(self, request: web.Request, path: Path) -> bool:
        size = 0
        sink: Any = await asyncio.to_thread(path.open, "wb")
        try:
            async for chunk in request.content.iter_chunked(1 << 18):
                size += len(chunk)
                if size > UPLOAD_LIMIT:
                    return False
                await asyncio.to_thread(sink.write, chunk)
        finally:
            await asyncio.to_thread(sink.close)
        return True


def path_of(address: str) -> str:
    """The path of an address without its query; "" for what is none."""
    try:
        return urlsplit(address).path
    except ValueError:
        return ""


def _media_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _error(status: int, code: str, message: str) -> web.Response:
    return web.Response(status=status, text=_DENIED.format(code=code, message=message), content_type="application/xml")
