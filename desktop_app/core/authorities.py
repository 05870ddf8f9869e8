"""Which certificate authorities are trusted: the system's, the usual ones, and those that a person names.

A company's own authority is named in `SSL_CERT_FILE` or `SSL_CERT_DIR`, as for other programs; where that file is not
what it should be, the usual ones are trusted all the same. Checks are never switched off.
"""

from __future__ import annotations

import logging
import os
import ssl

log = logging.getLogger(__name__)


def named_authorities() -> tuple[str, str]:
    """The file and the folder that the environment names, "" where it names none."""
    return os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", "")


def trusting(usual: str, named: tuple[str, str] | None = None) -> ssl.SSLContext:
    """A context for connections of ours. Reading many certificates takes a moment.

    Args:
        usual: the file of the usual authorities.
        named: a person's own; None asks the environment.
    """
    # Takes the system's, on every platform, and what the variables name.
    context = ssl.create_default_context()
    # The frozen app's OpenSSL looks for the system's where they were on the machine that built it.
    context.load_verify_locations(usual)
    file, folder = named_authorities() if named is None else named
    try:
        if file or folder:
            context.load_verify_locations(file or None, folder or None)
    except OSError as error:
        log.error("the certificate authority in SSL_CERT_FILE or SSL_CERT_DIR cannot be read: %s", error)
    return context
