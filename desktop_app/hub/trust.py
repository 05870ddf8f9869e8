"""The certificate authorities that every connection of ours trusts; see core/authorities."""

from __future__ import annotations

import asyncio
import ssl
from functools import lru_cache

import certifi

from desktop_app.core.authorities import named_authorities, trusting


async def trusted() -> ssl.SSLContext:
    """The context for every connection of ours; reading many certificates takes a moment, so it is kept."""
    return await asyncio.to_thread(_context, *named_authorities())


@lru_cache(maxsize=4)
def _context(file: str, folder: str) -> ssl.SSLContext:
    return trusting(certifi.where(), (file, folder))
