"""Which certificate authorities are trusted: the system's, the usual ones, and those that a person names.

A company's own authority is named in `SSL_CERT_FILE` or `SSL_CERT_DIR`, as for other programs; where that file is not
what it should be, the usual ones are trusted all the same. Checks are never switched off.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from functools import lru_cache

import certifi

log = logging.getLogger(__name__)


async def trusted() -> ssl.SSLContext:
    """The context for every connection of ours; reading many certificates takes a moment, so it is kept."""
    named = (os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", ""))
    return await asyncio.to_thread(_context, *named)


@lru_cache(maxsize=4)
def _context(file: str, folder: str) -> ssl.SSLContext:
    # Takes the system's, on every platform, and what the variables name.
    context = ssl.create_default_context()
    # The frozen app's OpenSSL looks for the system's where they were on the machine that built it.
    context.load_verify_locations(certifi.where())
    try:
        if file or folder:
            context.load_verify_locations(file or None, folder or None)
    except OSError as error:
        log.error("the certificate authority in SSL_CERT_FILE or SSL_CERT_DIR cannot be read: %s", error)
    return context
