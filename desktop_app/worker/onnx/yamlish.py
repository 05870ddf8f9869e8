"""Reads the part of YAML that data.yaml and infer_cfg.yml use: block and flow mappings and lists, plain and quoted
scalars, comments. Anchors, tags, block strings and several documents are left to real parsers."""

from __future__ import annotations

import re
from typing import Any

_KEY = re.compile(r"""^(?P<key>"[^"]*"|'[^']*'|[^\s#'"\[\]{},][^#]*?)\s*:(?:\s+(?P<rest>.*)|$)""")


class YamlError(ValueError):
    """The text is not in the part of YAML that is read here."""


def parse(text: str) -> Any:
    """The value of a document.

    Raises:
        YamlError: with the number of the line that was not understood.
    """
    lines: list[tuple[int, int, str]] = []
    for number, raw in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        body = _without_comment(raw).rstrip()
        if body.strip() in ("", "---", "..."):
            continue
        if "\t" in body[: len(body) - len(body.lstrip())]:
            raise YamlError(f"line {number}: tabs cannot indent")
        lines.append((number, len(body) - len(body.lstrip(" ")), body.strip()))
    if not lines:
        return None
    value, rest = _block(_joined(lines), 0)
    if rest:
        raise YamlError(f"line {rest[0][0]}: not understood")
    return value


def _without_comment(line: str) -> str:
    quote = ""
    for index, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'" and (index == 0 or line[index - 1] in " ,[{:"):
            quote = char
        elif char == "#" and (index == 0 or line[index - 1].isspace()):
            return line[:index]
    return line


def _joined(lines: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Flow lists that go over several lines become one line."""
    result: list[tuple[int, int, str]] = []
    for number, indent, body in lines:
        if result and _depth(result[-1][2]) > 0:
            result[-1] = (result[-1][0], result[-1][1], result[-1][2] + " " + body)
        else:
            result.append((number, indent, body))
    return result


def _depth(text: str) -> int:
    bare = re.sub(r"\"[^\"]*\"|'[^']*'", "", text)
    return sum(bare.count(c) for c in "[{") - sum(bare.count(c) for c in "]}")


Lines = list[tuple[int, int, str]]


def _block(lines: Lines, depth: int) -> tuple[Any, Lines]:
    if depth > 30:
        raise YamlError(f"line {lines[0][0]}: nested too deeply")
    indent = lines[0][1]
    if lines[0][2] == "-" or lines[0][2].startswith("- "):
        return _list(lines, indent, depth)
    if _KEY.match(lines[0][2]):
        return _mapping(lines, indent, depth)
    return _scalar(lines[0][2], lines[0][0]), lines[1:]


def _list(lines: Lines, indent: int, depth: int) -> tuple[list[Any], Lines]:
    items: list[Any] = []
    while lines and lines[0][1] == indent and (lines[0][2] == "-" or lines[0][2].startswith("- ")):
        number, _, body = lines[0]
        inner = body[1:].strip()
        if not inner:
            lines = lines[1:]
            if lines and lines[0][1] > indent:
                value, lines = _block(lines, depth + 1)
                items.append(value)
            else:
                items.append(None)
        elif _KEY.match(inner) or inner.startswith("- "):
            shift = len(body) - len(inner)
            value, lines = _block([(number, indent + shift, inner), *lines[1:]], depth + 1)
            items.append(value)
        else:
            items.append(_scalar(inner, number))
            lines = lines[1:]
    return items, lines


def _mapping(lines: Lines, indent: int, depth: int) -> tuple[dict[Any, Any], Lines]:
    result: dict[Any, Any] = {}
    while lines and lines[0][1] == indent:
        number, _, body = lines[0]
        found = _KEY.match(body)
        if found is None:
            raise YamlError(f"line {number}: a key was expected")
        key, rest = _plain(found["key"]), (found["rest"] or "").strip()
        lines = lines[1:]
        if rest:
            result[key] = _scalar(rest, number)
        elif lines and (lines[0][1] > indent or (lines[0][1] == indent and lines[0][2].startswith("-"))):
            result[key], lines = _block(lines, depth + 1)
        else:
            result[key] = None
    return result, lines


def _scalar(text: str, number: int) -> Any:
    if text[0] in "[{":
        value, rest = _flow(text, number)
        if rest.strip():
            raise YamlError(f"line {number}: text after a closing bracket")
        return value
    if text[0] in "&*!|>%@`":
        raise YamlError(f"line {number}: “{text[0]}” is not read here")
    return _plain(text)


def _flow(text: str, number: int) -> tuple[Any, str]:
    closing = "]" if text[0] == "[" else "}"
    items: list[Any] = []
    pairs: dict[Any, Any] = {}
    text = text[1:].lstrip()
    while text and text[0] != closing:
        key = None
        if closing == "}":
            found = re.match(r"""("[^"]*"|'[^']*'|[^:,{}\[\]]+)\s*:\s*""", text)
            if not found:
                raise YamlError(f"line {number}: a key was expected")
            key, text = _plain(found[1].strip()), text[found.end() :]
        if text[:1] in ("[", "{"):
            value, text = _flow(text, number)
        else:
            found = re.match(r"""("(?:[^"\\]|\\.)*"|'[^']*'|[^,\]}]*)\s*""", text)
            value, text = _plain(found[1].strip()) if found else None, text[found.end() if found else 0 :]
        if closing == "}":
            pairs[key] = value
        else:
            items.append(value)
        text = text.lstrip()
        if text[:1] == ",":
            text = text[1:].lstrip()
        elif text[:1] != closing:
            raise YamlError(f"line {number}: a comma or {closing} was expected")
    if not text:
        raise YamlError(f"line {number}: {closing} is missing")
    return (pairs if closing == "}" else items), text[1:]


def _plain(text: str) -> Any:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1]
    lowered = text.lower()
    if lowered in ("", "~", "null"):
        return None
    if lowered in ("true", "false"):
        return lowered == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
