"""Who issued a certificate and how long it lasts, read from its DER form.

Python's ssl tells these only of certificates that it trusts, and the doctor wants them of the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

_COMMON_NAME, _ORGANIZATION = bytes.fromhex("550403"), bytes.fromhex("55040a")
_SEQUENCE, _SET, _OID, _EXPLICIT_0, _UTC_TIME = 0x30, 0x31, 0x06, 0xA0, 0x17


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a person wants to know of it."""

    issuer: str
    subject: str
    not_before: datetime
    not_after: datetime

    @property
    def self_signed(self) -> bool:
        """Whether it vouches for itself."""
        return self.issuer == self.subject


def read_certificate(der: bytes) -> Certificate:
    """Reads a certificate.

    Raises:
        ValueError: it is none.
    """
    try:
        parts = _children(_children(_content(der, _SEQUENCE))[0][1])
        if parts[0][0] == _EXPLICIT_0:  # the version
            parts = parts[1:]
        _serial, _algorithm, issuer, validity, subject = parts[:5]
        before, after = _children(validity[1])
        return Certificate(_name(issuer[1]), _name(subject[1]), _time(*before), _time(*after))
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError("this is no certificate") from error


def _one(data: bytes, at: int) -> tuple[int, bytes, int]:
    """Tag, content and end of the element that begins at a place."""
    tag, length = data[at], data[at + 1]
    at += 2
    if length & 0x80:
        size = length & 0x7F
        if size > 4:
            raise ValueError("too long")
        length = int.from_bytes(data[at : at + size])
        at += size
    if at + length > len(data):
        raise ValueError("cut short")
    return tag, data[at : at + length], at + length


def _content(data: bytes, tag: int) -> bytes:
    found, content, _ = _one(data, 0)
    if found != tag:
        raise ValueError("another element was expected")
    return content


def _children(data: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data):
        tag, content, at = _one(data, at)
        found.append((tag, content))
    return found


def _name(data: bytes) -> str:
    """The common name and the organization, as people know them."""
    parts: dict[bytes, str] = {}
    for _, relative in _children(data):
        for _, pair in _children(relative):
            (_, kind), (_, value) = _children(pair)[:2]
            parts.setdefault(kind, value.decode("utf-8", "replace"))
    names = [parts[kind] for kind in (_COMMON_NAME, _ORGANIZATION) if kind in parts]
    return " / ".join(dict.fromkeys(names)) or "no name"


def _time(tag: int, data: bytes) -> datetime:
    text = data.decode("ascii").rstrip("Z")
    if tag == _UTC_TIME:
        text = ("20" if text[:2] < "50" else "19") + text
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
