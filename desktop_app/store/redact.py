"""What must never be on disk or on the screen is taken out here: API keys, secrets, signatures in addresses.

Pure functions over text and JSON values. Everything that the store writes passes through them, so that no caller
can forget.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import quote

MASK = "•••"
"""Stands where something secret was."""

_DEEPEST = 64
_SHORTEST = 4  # a known value shorter than this would blank half of every text

_WORDS = (
    r"(?:api[_-]?key|account[_-]?key|access[_-]?key(?:[_-]?id)?|private[_-]?key|secret(?:[_-]?key)?|password|passwd"
    r"|passphrase|token|authorization|credentials?|cookie|signature)"
)
_SECRET_KEY = re.compile(rf"{_WORDS}$|^sig$", re.IGNORECASE)
_URL = re.compile(r"\b([a-zA-Z][a-zA-Z0-9+.-]{0,30}://)([^\s\"'<>\\`|{}^]+)")
_QUOTED_URL = re.compile(r"(?<=\")[a-zA-Z][a-zA-Z0-9+.-]{0,30}://[^\"\n]+(?=\")")
_WHOLE_URL = re.compile(r"\s*[a-zA-Z][a-zA-Z0-9+.-]{0,30}://\S")
# name=value, name: value, "name": "value", as they stand in messages, tracebacks and broken JSON
_ASSIGNED = re.compile(
    rf"(?<![\w-])([\w-]{{0,40}}?{_WORDS})(\\?[\"']?\]?\s{{0,3}}(?:=|:|%3D)\s{{0,3}}\\?[\"']?)"
    r"((?:bearer|basic|token)\s+)?([^\s\"'\\,;&<>(){}\[\]]+)",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r'["\\\x00-\x1f]')  # looks different in JSON text
_SCHEME = re.compile(r"\b(bearer|basic)(\s+)([A-Za-z0-9._~+/=-]{8,})", re.IGNORECASE)
_SIGNED = re.compile(r"(?<![a-zA-Z0-9])((?:x-amz-|x-goog-)[a-z-]{1,30}|sig)(=|%3D)([^\s\"'&<>\\]+)", re.IGNORECASE)


def url(address: str) -> str:
    """An address without user name, query and fragment: what may be kept and shown."""
    head, separator, rest = address.partition("://")
    if not separator:
        return re.split(r"[?#]", address, maxsplit=1)[0]
    authority_end = min((i for i in (rest.find(c) for c in "/?#\\") if i >= 0), default=len(rest))
    authority = rest[:authority_end].rpartition("@")[2]
    path = re.split(r"[?#]", rest[authority_end:], maxsplit=1)[0]
    # A whole signed address may hide, encoded, in the path of another one.
    cut = re.search(r"%3f(?=[^/]*%3d)", path, re.IGNORECASE)
    if cut:
        path = path[: cut.start()]
    return f"{head}://{authority}{path}"


def address(value: str, known: Collection[str] = ()) -> str:
    """`url`, without known secrets."""
    value = url(value)
    for secret in known:
        if secret in value:
            value = value.replace(secret, MASK)
    return value


def text(value: str, known: Collection[str] = ()) -> str:
    """A text without known secrets, with addresses cut and with values masked that are named like secrets.

    Args:
        known: values that are secret whatever they look like (see `forms`).
    """
    for secret in known:
        if secret in value:
            value = value.replace(secret, MASK)
    if not _hinted(value):
        return value
    if "://" in value:
        value = _URL.sub(_cut, value)
        if not _hinted(value.replace("://", "")):
            return value
    value = _SCHEME.sub(rf"\1\2{MASK}", value)
    value = _ASSIGNED.sub(_masked, value)
    return _SIGNED.sub(rf"\1\2{MASK}", value)


def data(value: Any, known: Collection[str] = ()) -> Any:
    """A JSON value with the same done in every text in it, however deep, keys and JSON within texts included.

    Values under keys named like secrets (`apiKey`, `client_secret`, …) are masked whole.
    """
    return _deep(value, known, 0)


def to_json(value: Any, known: Collection[str] = ()) -> str:
    """The redacted value as JSON text; what is no JSON stands in it by the name of its type."""
    if type(value) is not dict:
        return _clean_json(value, known)[0]
    # Member by member: in a job's payload two or three need a closer look, the others are clean as a whole.
    parts: list[str] = []
    for key, item in value.items():
        name, part, _ = member_to_json(key, item, known)
        parts.append(f"{_encode(name)}:{part}")
    return "{" + ",".join(parts) + "}"


def member_to_json(key: Any, item: Any, known: Collection[str] = ()) -> tuple[str, str, bool]:
    """One member of an object: redacted name, redacted value as JSON text, whether the value was changed."""
    name = _key(key, known)
    if isinstance(item, str) or (isinstance(key, str) and _names_secret(key)):
        masked = _member(key, item, known, 0)
        return name, _encode(masked), masked != item
    part, changed = _clean_json(item, known)
    return name, part, changed


def _clean_json(value: Any, known: Collection[str]) -> tuple[str, bool]:
    plain = ""
    try:
        plain = _encode(value)
    except (RecursionError, ValueError, TypeError):
        pass  # too deep, going in circles, or with keys that are no text: the walk below copes with all three
    else:
        if not _hinted(plain) and not any(secret in plain or _ESCAPED.search(secret) for secret in known):
            return plain, False
    clean = _encode(data(value, known))
    return clean, clean != plain


def forms(secrets: Iterable[str]) -> tuple[str, ...]:
    """Every way in which the secrets may be written in text, longest first, ready to pass as `known`."""
    found: set[str] = set()
    for secret in secrets:
        if len(secret) < _SHORTEST:
            continue
        found.add(secret)
        found.add(quote(secret, safe=""))
        found.add(json.dumps(secret)[1:-1])
        found.add(json.dumps(secret, ensure_ascii=False)[1:-1])
    return tuple(sorted(found, key=len, reverse=True))


def hide(value: str, secrets: Iterable[str]) -> str:
    """`text` with secrets as they are, for a single use such as a crash report."""
    return text(value, forms(secrets))


def body(json_text: str, known: Collection[str] = ()) -> str:
    """JSON text that is sent again after a restart: addresses cut and known secrets masked, all else untouched."""
    if "://" not in json_text and not any(secret in json_text for secret in known):
        return json_text
    if "\\" in json_text:
        return _encode(_addresses(json.loads(json_text), known))
    for secret in known:
        json_text = json_text.replace(secret, MASK)
    return _URL.sub(_cut, _QUOTED_URL.sub(_cut, json_text))


class Redactor:
    """The functions above with the secrets of this run: the profiles' and the API keys of jobs seen so far."""

    _MOST = 500

    def __init__(self) -> None:
        self._sources: list[Callable[[], Collection[str]]] = []
        self._seen: dict[str, None] = {}
        self._basis: frozenset[str] = frozenset()
        self._known: tuple[str, ...] = ()

    def hide(self, secrets: str | Callable[[], Collection[str]] | None) -> None:
        """From now on this value, or whatever this function gives, is masked wherever it stands.

        Of very many single values the oldest is dropped.
        """
        if callable(secrets):
            self._sources.append(secrets)
            return
        if not secrets or secrets in self._seen:
            return
        if len(self._seen) >= self._MOST:
            del self._seen[next(iter(self._seen))]
        self._seen[secrets] = None

    def known(self) -> tuple[str, ...]:
        """The values masked now, in all their forms."""
        basis = frozenset(tuple(self._seen)).union(*(source() for source in self._sources))
        if basis != self._basis:
            self._known = forms(basis)
            self._basis = basis
        return self._known

    def text(self, value: str) -> str:
        """See `redact.text`."""
        return text(value, self.known())

    def to_json(self, value: Any) -> str:
        """See `redact.to_json`."""
        return to_json(value, self.known())

    def body(self, json_text: str) -> str:
        """See `redact.body`."""
        return body(json_text, self.known())


def _addresses(value: Any, known: Collection[str]) -> Any:
    if isinstance(value, str):
        for secret in known:
            value = value.replace(secret, MASK)
        return url(value) if _WHOLE_URL.match(value) else _URL.sub(_cut, value)
    if isinstance(value, list):
        return [_addresses(item, known) for item in value]
    if isinstance(value, dict):
        return {key: _addresses(item, known) for key, item in value.items()}
    return value


def _cut(match: re.Match[str]) -> str:
    return url(match.group(0))


def _masked(match: re.Match[str]) -> str:
    name, between, scheme, value = match.groups()
    # "token: expired" is a sentence, "token: 9f86d081" is not.
    if value == MASK:
        return match.group(0)
    told = scheme is not None or any(sign in between for sign in "=%\"'")
    if not told and not _random(value):
        return match.group(0)
    return f"{name}{between}{scheme or ''}{MASK}"


def _random(value: str) -> bool:
    return len(value) >= 20 or (len(value) >= 6 and any(c.isdigit() for c in value))


def _hinted(value: str) -> bool:
    """One cheap look that says of nearly every text that it is clean (unrolled: a regex needs twenty times longer)."""
    low = value.lower()
    return (
        "://" in low
        or "key" in low
        or "token" in low
        or "secret" in low
        or "sig" in low
        or "pass" in low
        or "authoriz" in low
        or "credential" in low
        or "cookie" in low
        or "bearer" in low
        or "basic" in low
        or "x-amz-" in low
        or "x-goog-" in low
    )


def _deep(value: Any, known: Collection[str], depth: int) -> Any:
    if isinstance(value, str):
        return _string(value, known, depth) if known or _hinted(value) else value
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= _DEEPEST:
        return "…"
    if isinstance(value, dict):
        return {_key(key, known): _member(key, item, known, depth) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_deep(item, known, depth + 1) for item in value]
    return _strange(value)


def _key(key: Any, known: Collection[str]) -> str:
    if not isinstance(key, str):
        return str(key)
    return key if key.isidentifier() and not known else text(key, known)


def _member(key: Any, item: Any, known: Collection[str], depth: int) -> Any:
    if isinstance(key, str):
        if _names_secret(key) and item not in (None, "", False, True):
            return MASK
        if isinstance(item, str) and key[-3:].lower() == "url" and _WHOLE_URL.match(item):
            # An address in a field of its own may hold spaces that would end it in running text.
            return text(url(item), known)
    return _deep(item, known, depth + 1)


@lru_cache(maxsize=2000)
def _names_secret(key: str) -> bool:
    return _SECRET_KEY.search(key) is not None


def _string(value: str, known: Collection[str], depth: int) -> str:
    clean = text(value, known)
    if value.lstrip()[:1] in ("{", "[") and depth < _DEEPEST:
        try:
            inner = json.loads(value)
        except (ValueError, RecursionError):
            return clean
        masked = _deep(inner, known, depth + 1)
        # As it was written, unless something in it had to go.
        return value if masked == inner else json.dumps(masked, ensure_ascii=False)
    return clean


def _strange(value: Any) -> str:
    return f"<{type(value).__name__}>"


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_strange).encode
