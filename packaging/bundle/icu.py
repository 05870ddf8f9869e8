"""Makes Qt's ICU smaller: it knows every language's names, and Qt asks it for little more than how to sort.

ICU means its data to be filtered; this does so after the fact, on Linux, where Qt brings a library that is one block
of data (32 MB). The block's format: a header, the number of items, (offset of the name, offset of the data) for each in
the order of their names, the names, the data; offsets count from the number of items.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

LEFT_OUT = {
    r"brkitr/": "where words and lines end; Qt has rules of its own",
    r"(curr|lang|region|unit|zone)/": "names in every language; Qt brings those that it shows",
    r"translit/": "writes one script in the letters of another",
    r"rbnf/": "numbers in words",
    r"[^/]*\.cnv$": "the character sets of old; texts are decoded by Python",
    r"unames\.icu$": "the names of characters",
    r"[a-z]{2,3}(_[A-Za-z0-9_]+)?\.res$": "how a language writes dates and numbers; Qt brings its own",
}
"""Items by name, each with its reason. What stays: sorting in every language, normalising, time zones, aliases."""

_ALIGNED = 16


def wanted(name: str) -> bool:
    """Whether an item stays. Args: name: without the package in front, such as `coll/root.res`."""
    return not any(re.match(pattern, name) for pattern in LEFT_OUT)


def filtered(block: bytes) -> bytes:
    """A block of ICU's data without what is left out.

    Raises:
        ValueError: it is no such block.
    """
    if block[2:4] != b"\xda\x27" or block[12:16] != b"CmnD":
        raise ValueError("this is not ICU's common data")
    (start,) = struct.unpack_from("<H", block)
    kept = [(name, data) for name, data in _items(block, start) if wanted(name.partition("/")[2])]
    return block[:start] + _packed(kept)


def shrink(library: Path) -> int:
    """Builds `libicudata` anew with less in it; returns the bytes saved. Needs binutils.

    Raises:
        ValueError: the library is not what was expected.
        subprocess.CalledProcessError: a tool failed.
    """
    symbol, offset, size = _symbol(library)
    before = library.stat().st_size
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").write_bytes(filtered(library.read_bytes()[offset : offset + size]))
        (folder / "data.s").write_text(
            f".section .rodata\n.balign {_ALIGNED}\n.globl {symbol}\n.type {symbol}, STT_OBJECT\n"
            f'{symbol}:\n.incbin "data"\n.size {symbol}, . - {symbol}\n.section .note.GNU-stack,"",%progbits\n',
            encoding="ascii",
        )
        for command in (
            ("as", "-o", "data.o", "data.s"),
            ("ld", "-shared", "-soname", library.name, "-z", "noexecstack", "--build-id", "-o", library.name, "data.o"),
        ):
            subprocess.run(command, check=True, cwd=folder)
        shutil.copymode(library, folder / library.name)
        shutil.move(folder / library.name, library)
    return before - library.stat().st_size


def _symbol(library: Path) -> tuple[str, int, int]:
    """Name, place and length of the library's block."""
    listed = subprocess.run(
        ["readelf", "--dyn-syms", "--wide", str(library)], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r":\s+([0-9a-f]+)\s+(\w+)\s+OBJECT\s.*\s(icudt\d+_dat)\s*$", listed, re.MULTILINE)
    if found is None:
        raise ValueError(f"{library.name} holds no data of ICU's")
    # readelf writes long sizes in hexadecimal; addresses are places in the file, for the block is in the first segment.
    return found.group(3), int(found.group(1), 16), int(found.group(2), 0)


def _items(block: bytes, start: int) -> Iterable[tuple[str, bytes]]:
    (count,) = struct.unpack_from("<I", block, start)
    pairs = [struct.unpack_from("<II", block, start + 4 + 8 * index) for index in range(count)]
    ends = [data for _, data in pairs[1:]] + [len(block) - start]
    for (name, data), end in zip(pairs, ends, strict=True):
        first = start + name
        yield block[first : block.index(b"\0", first)].decode("ascii"), block[start + data : start + end]


def _packed(items: list[tuple[str, bytes]]) -> bytes:
    names, table, body = b"", b"", b""
    first_name = 4 + 8 * len(items)
    first_item = first_name + sum(len(name) + 1 for name, _ in items)
    first_item += -first_item % _ALIGNED
    parts = []
    place = first_item
    for name, data in items:
        table += struct.pack("<II", first_name + len(names), place)
        names += name.encode("ascii") + b"\0"
        parts.append(data + bytes(-len(data) % _ALIGNED))
        place += len(parts[-1])
    body = b"".join(parts)
    head = struct.pack("<I", len(items)) + table + names
    return head + bytes(first_item - len(head)) + body
